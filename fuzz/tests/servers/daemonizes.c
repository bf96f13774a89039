// Server that goes to the background. Its first process ends by a raw system call, which the preload does not see.
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
  if (fork()) syscall(SYS_exit_group, 0);
  for (;;) pause();
}
