// Server that answers differently when it is preloaded.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
  const char *answer = getenv("LD_PRELOAD") ? "HTTP/1.1 200 OK\r\n\r\n" : "HTTP/1.1 404 No\r\n\r\n";
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) return 1;
  for (;;) {
    char request[65536];
    int connection = accept(listener, NULL, NULL);
    if (read(connection, request, sizeof request) < 0) return 1;
    if (write(connection, answer, strlen(answer)) < 0) return 1;
    close(connection);
  }
}
