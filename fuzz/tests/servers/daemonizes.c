// A server that goes to the background past libc, so that its first process is not seen to end.
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
  if (fork()) syscall(SYS_exit_group, 0);
  for (;;) pause();
}
