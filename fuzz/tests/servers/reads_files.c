// Blocking server whose answer is the content of two files: one at an absolute path that is compiled in (DATA), one
// relative to the working directory (config).
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void append(char *text, size_t size, const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) {
    strncat(text, "missing", size - strlen(text) - 1);
    return;
  }
  size_t used = strlen(text), count = fread(text + used, 1, size - used - 1, file);
  text[used + count] = 0;
  fclose(file);
}

int main(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) return 1;
  for (;;) {
    int connection = accept(listener, NULL, NULL);
    if (connection < 0) return 1;
    char request[4096], body[4096] = "", head[128];
    if (read(connection, request, sizeof request) >= 0) {
      append(body, sizeof body, DATA);
      append(body, sizeof body, "config");
      int length = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(body));
      if (write(connection, head, (size_t)length) < 0 || write(connection, body, strlen(body)) < 0) return 1;
    }
    close(connection);
  }
}

#ifdef INSTRUMENTED
// Makes the program look instrumented, which is sufficient for the tests.
unsigned char *__afl_area_ptr;
const char __afl_mark[] = "__AFL_SHM_ID";
#endif
