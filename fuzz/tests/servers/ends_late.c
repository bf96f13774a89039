// Server that takes long to end: its first thread has ended, so that the process looks like a zombie, and the
// thread that serves aborts three seconds after a request that begins with CRASH.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/times.h>
#include <unistd.h>

static void *serve(void *listener) {
  for (;;) {
    char request[65536];
    int connection = accept(*(int *)listener, NULL, NULL);
    if (read(connection, request, sizeof request) < 0) exit(1);
    fprintf(stderr, "a request came\n");
    if (!strncmp(request, "CRASH", 5)) {
      // times(2) counts ticks of the kernel, which the virtual clock does not change.
      struct tms unused;
      clock_t end = times(&unused) + 3 * sysconf(_SC_CLK_TCK);
      while (times(&unused) < end) {
      }
      abort();
    }
    if (write(connection, "HTTP/1.0 200 OK\r\n\r\n", 19) < 0) exit(1);
    close(connection);
  }
}

int main(void) {
  static int listener;
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) return 1;
  pthread_t thread;
  if (pthread_create(&thread, NULL, serve, &listener)) return 1;
  pthread_exit(NULL);
}
