// Server whose functions say which requests it got. The first letter of the request selects one: A answers, C aborts,
// H loops for ever, N is never sent. With FORKS, a child process without rights and without an environment serves each
// connection; with EXITS, SIGTERM makes the server exit; with COUNTS, a library counts the answers.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef EXITS
static void exits(int signal) { exit(signal == SIGTERM ? 0 : 1); }
#endif

#ifdef COUNTS
int served(void);
#endif

static void answers(int connection) {
  static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";
  if (write(connection, answer, sizeof answer - 1) < 0) exit(1);
#ifdef COUNTS
  served();
#endif
}

static void crashes(void) { abort(); }

static void hangs(void) {
  for (volatile int on = 1; on;) {
  }
}

static void never_called(void) { exit(2); }

static void serve(int connection) {
  char request[4096];
  ssize_t count = read(connection, request, sizeof request);
  if (count <= 0) return;
  if (request[0] == 'C') crashes();
  if (request[0] == 'H') hangs();
  if (request[0] == 'N') never_called();
  answers(connection);
}

int main(void) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) return 1;
#ifdef FORKS
  clearenv();
#endif
#ifdef EXITS
  signal(SIGTERM, exits);
#endif
  for (;;) {
    int connection = accept(listener, NULL, NULL);
    if (connection < 0) return 1;
#ifdef FORKS
    signal(SIGCHLD, SIG_IGN);
    if (fork() == 0) {
      // Root gives up its rights; others have none.
      if (setuid(65534) != 0) signal(SIGCHLD, SIG_DFL);
      serve(connection);
      _exit(0);
    }
#else
    serve(connection);
#endif
    close(connection);
  }
}
