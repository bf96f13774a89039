// Blocking server: one connection at a time, one answer each. The first word of the request selects an action:
// CRASH aborts, EXIT exits with status 7, LAST exits with status 0 after the answer, HANG loops for ever.
// With COUNTS, an answer ends with the number of earlier answers.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void serve(int connection) {
  static const char answer[] =
      "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
      "Content-Length: 2\r\n\r\nhi";
  char request[65536];
  size_t length = 0;
  ssize_t count;
  while (length < sizeof request - 1 &&
         (count = read(connection, request + length, sizeof request - 1 - length)) > 0) {
    length += (size_t)count;
    request[length] = 0;
    if (strstr(request, "\r\n\r\n")) break;
  }
  request[length] = 0;
  if (!strncmp(request, "CRASH", 5)) abort();
  if (!strncmp(request, "EXIT", 4)) exit(7);
  if (!strncmp(request, "HANG", 4))
    for (volatile int on = 1; on;) {
    }
  if (write(connection, answer, sizeof answer - 1) < 0) exit(1);
#ifdef COUNTS
  static char served = '0';
  if (write(connection, &served, 1) < 0) exit(1);
  ++served;
#endif
  if (!strncmp(request, "LAST", 4)) exit(0);
}

int main(void) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) return 1;
  for (;;) {
    int connection = accept(listener, NULL, NULL);
    if (connection < 0) return 1;
    serve(connection);
    close(connection);
  }
}

#ifdef INSTRUMENTED
// Makes the program look instrumented, which is sufficient for the tests.
unsigned char *__afl_area_ptr;
const char __afl_mark[] = "__AFL_SHM_ID";
#endif
