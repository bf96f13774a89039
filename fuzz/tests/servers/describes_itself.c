// Server that serves a description of its API at /v3/api-docs, one request on each connection. GET /parcels and its description get
// 200, all others 404. With an argument, the description is of version 2, which is not read.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char DESCRIPTION[] =
    "{\"openapi\": \"3.1.0\", \"info\": {\"title\": \"t\", \"version\": \"1\"}, \"paths\": {"
    "\"/parcels\": {\"get\": {\"parameters\": [{\"name\": \"page_size\", \"in\": \"query\", \"schema\": {\"type\": \"integer\"}}], "
    "\"responses\": {\"200\": {\"description\": \"d\"}}}},"
    "\"/parcels/{id}\": {\"delete\": {\"parameters\": [{\"name\": \"id\", \"in\": \"path\", \"required\": true, "
    "\"schema\": {\"type\": \"string\", \"example\": \"blue-box\"}}], \"responses\": {\"204\": {\"description\": \"d\"}}}}}}";

static void serve(int connection, const char *description) {
  char request[65536];
  ssize_t count = read(connection, request, sizeof request - 1);
  if (count <= 0) return;
  request[count] = 0;
  const char *body = "no";
  int status = 404;
  if (!strncmp(request, "GET /v3/api-docs ", 17)) body = description, status = 200;
  if (!strncmp(request, "GET /parcels", 12)) body = "[]", status = 200;
  dprintf(connection, "HTTP/1.1 %d Status\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status,
          strlen(body), body);
}

int main(int count, char **arguments) {
  (void)arguments;
  const char *description = count > 1 ? "{\"swagger\": \"2.0\"}" : DESCRIPTION;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) return 1;
  for (;;) {
    int connection = accept(listener, NULL, NULL);
    if (connection < 0) return 1;
    serve(connection, description);
    close(connection);
  }
}
