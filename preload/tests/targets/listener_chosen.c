/* Polls two listeners. The one on port 8101 is chosen, although it is the second; the first stays real. */
#include "target.h"

int main(void) {
    struct pollfd pair[2] = {{.fd = listen_on(0), .events = POLLIN}, {.fd = listen_on(8101), .events = POLLIN}};
    struct sockaddr_in first;
    socklen_t len = sizeof first;
    CHECK(getsockname(pair[0].fd, (struct sockaddr *)&first, &len) == 0);
    int client = socket(AF_INET, SOCK_STREAM, 0), served = 0;
    CHECK(connect(client, (struct sockaddr *)&first, sizeof first) == 0);
    for (;;) {
        CHECK(poll(pair, 2, -1) > 0);
        if (pair[0].revents) {
            CHECK(!served++);
            close(accept(pair[0].fd, NULL, NULL));
        } else {
            CHECK(served == 1);
            serve(accept(pair[1].fd, NULL, NULL));
        }
    }
}
