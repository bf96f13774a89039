// Server with routes, one connection at a time, any number of requests on each: GET /users and /users/NUMBER (200), POST
// /users (201), GET /old (301), /admin (403) and /broken (500); all others get 404, and 400 without a version. CRASH aborts, HANG
// loops for ever.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int begins(const char *request, const char *word) {
  return !strncmp(request, word, strlen(word));
}

static int status(const char *request) {
  if (begins(request, "CRASH")) abort();
  if (begins(request, "HANG"))
    for (volatile int on = 1; on;) {
    }
  const char *version = strstr(request, " HTTP/1.1\r\n");
  if (!version || version > strchr(request, '\r')) return 400;
  if (begins(request, "GET /users ") || begins(request, "GET /users?")) return 200;
  if (begins(request, "GET /users/") && request[11] >= '0' && request[11] <= '9') return 200;
  if (begins(request, "POST /users ")) return 201;
  if (begins(request, "GET /old ")) return 301;
  if (begins(request, "GET /admin ")) return 403;
  if (begins(request, "GET /broken ")) return 500;
  return 404;
}

static void serve(int connection) {
  char input[65536];
  size_t length = 0;
  ssize_t count;
  while ((count = read(connection, input + length, sizeof input - 1 - length)) > 0) {
    char *end;
    length += (size_t)count;
    input[length] = 0;
    while ((end = strstr(input, "\r\n\r\n"))) {
      char answer[128];
      int size = sprintf(answer, "HTTP/1.1 %d Status\r\nContent-Length: 2\r\n\r\nhi", status(input));
      if (write(connection, answer, (size_t)size) < 0) return;
      length -= (size_t)(end + 4 - input);
      memmove(input, end + 4, length + 1);
    }
    if (length == sizeof input - 1) return;
  }
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
