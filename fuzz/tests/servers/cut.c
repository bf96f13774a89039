// Server whose answer over TCP is always truncated by a reset, as if it closed without having read everything.
// When it is preloaded, the whole answer arrives, as over a transport that loses nothing.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
  static const char answer[] = "HTTP/1.1 404 Not Found\r\n\r\n0123456789";
  size_t length = getenv("LD_PRELOAD") ? sizeof answer - 1 : sizeof answer - 6;
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) return 1;
  for (;;) {
    char request[65536];
    int connection = accept(listener, NULL, NULL);
    if (read(connection, request, sizeof request) < 0) return 1;
    if (write(connection, answer, length) < 0) return 1;
    struct linger reset = {.l_onoff = 1};
    if (!getenv("LD_PRELOAD")) setsockopt(connection, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(connection);
  }
}
