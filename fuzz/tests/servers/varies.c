// Server whose answers all differ.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int main(void) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) return 1;
  for (;;) {
    char request[65536];
    int connection = accept(listener, NULL, NULL);
    if (read(connection, request, sizeof request) < 0) return 1;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    char answer[100];
    int length = sprintf(answer, "HTTP/1.1 200 OK\r\n\r\n%d.%09ld\n", getpid(), now.tv_nsec);
    if (write(connection, answer, length) < 0) return 1;
    close(connection);
  }
}

#ifdef INSTRUMENTED
// Makes the program look instrumented, which is sufficient for the tests.
unsigned char *__afl_area_ptr;
const char __afl_mark[] = "__AFL_SHM_ID";
#endif
