// Server on a runtime that can only wait by io_uring(7).
#include <linux/io_uring.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
  struct io_uring_params parameters = {0};
  if (syscall(SYS_io_uring_setup, 8, &parameters) >= 0) return 0;
  perror("io_uring_setup");
  return 1;
}
