// Server of the API in tests/servers/notes.yaml: one request on each connection, at the port in its argument. With WRONG, it breaks the description in
// three ways: the title of note 1 is a number, a new note is answered 202, and to delete a note is an error of the server.
// With NEEDS_FILE, the list of notes is an error of the server if the file `log` cannot be written.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef WRONG
#define IF_WRONG(wrong, right) (wrong)
#else
#define IF_WRONG(wrong, right) (right)
#endif

static void answer(int connection, const char *status, const char *body) {
  char text[1024];
  const char *type = *body ? "Content-Type: application/json\r\n" : "";
  int length = snprintf(text, sizeof text, "HTTP/1.1 %s\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n%s",
                        status, type, strlen(body), body);
  if (write(connection, text, (size_t)length) < 0) return; // The client is gone.
}

static size_t whole(const char *request) {
  const char *end = strstr(request, "\r\n\r\n");
  const char *field = strcasestr(request, "\r\ncontent-length:");
  long body = field && end && field < end ? atol(field + 17) : 0;
  return end ? (size_t)(end - request) + 4 + (size_t)(body > 0 ? body : 0) : (size_t)-1;
}

static void serve(int connection) {
  char request[65536];
  size_t length = 0;
  ssize_t count;
  request[0] = 0;
  while (length < sizeof request - 1 && length < whole(request) &&
         (count = read(connection, request + length, sizeof request - 1 - length)) > 0) {
    length += (size_t)count;
    request[length] = 0;
  }
  int id = 0;
  if (sscanf(request, "GET /v1/notes/%9d HTTP/1.1", &id) == 1) {
    answer(connection, "200 OK", id == 1 ? IF_WRONG("{\"title\":1}", "{\"title\":\"one\"}") : "{\"title\":\"a\"}");
  } else if (!strncmp(request, "POST /v1/notes ", 15)) {
    answer(connection, IF_WRONG("202 Accepted", "201 Created"), "");
  } else if (sscanf(request, "DELETE /v1/notes/%9d HTTP/1.1", &id) == 1) {
    answer(connection, IF_WRONG("500 Internal Server Error", "204 No Content"), "");
#ifdef NEEDS_FILE
  } else if (!strncmp(request, "GET /v1/notes ", 14)) {
    int file = open("log", O_CREAT | O_WRONLY, 0600);
    answer(connection, file < 0 ? "500 Internal Server Error" : "200 OK", file < 0 ? "" : "[]");
    if (file >= 0) close(file);
#endif
  } else {
    answer(connection, "404 Not Found", "");
  }
}

int main(int count, char **words) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                .sin_port = htons((uint16_t)(count > 1 ? atoi(words[1]) : 0))};
  int on = 1;
  signal(SIGPIPE, SIG_IGN);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) return 1;
  for (;;) {
    int connection = accept(listener, NULL, NULL);
    if (connection < 0 && errno != ECONNABORTED) return 1;
    if (connection < 0) continue;
    serve(connection);
    close(connection);
  }
}
