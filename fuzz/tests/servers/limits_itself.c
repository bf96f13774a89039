// Server that forbids itself something that sockfuzz needs, before it accepts, as its argument selects: "kill" and
// "errno" are seccomp filters that allow little more than serving, "processes" allows no further process.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int allow_only_serving(unsigned otherwise) {
  static const int allowed[] = {SYS_read, SYS_write, SYS_close, SYS_accept, SYS_accept4, SYS_exit_group, SYS_rt_sigreturn};
  enum { COUNT = sizeof allowed / sizeof *allowed };
  struct sock_filter program[2 * COUNT + 2] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
  for (int i = 0; i < COUNT; i++) {
    program[2 * i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], 0, 1);
    program[2 * i + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }
  program[2 * COUNT + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, otherwise);
  struct sock_fprog filter = {sizeof program / sizeof *program, program};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

static int allow_no_process(void) {
  struct rlimit one = {1, 1};
  return setrlimit(RLIMIT_NPROC, &one) || (!getuid() && setuid(65534));
}

int main(int count, char **words) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) return 1;
  const char *what = words[count - 1];
  if (!strcmp(what, "kill") && allow_only_serving(SECCOMP_RET_KILL_PROCESS)) return 1;
  if (!strcmp(what, "errno") && allow_only_serving(SECCOMP_RET_ERRNO | EPERM)) return 1;
  if (!strcmp(what, "processes") && allow_no_process()) return 1;
  for (;;) {
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    char request[65536];
    int connection = accept(listener, NULL, NULL);
    if (connection < 0 || read(connection, request, sizeof request) < 0) return 1;
    if (write(connection, answer, sizeof answer - 1) < 0) return 1;
    close(connection);
  }
}
