/* Connects to its own port, as a health check would. That is refused: the internal client is the only one. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    struct sockaddr_in own;
    socklen_t len = sizeof own;
    CHECK(getsockname(listener, (struct sockaddr *)&own, &len) == 0);
    for (;;) {
        int fd = accept(listener, NULL, NULL), client = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(connect(client, (struct sockaddr *)&own, sizeof own) == -1 && errno == ECONNREFUSED);
        close(client);
        serve(fd);
    }
}
