/* Two sockets on one port, by SO_REUSEPORT, each with its own thread. */
#include "target.h"

static void *loop(void *unused) {
    (void)unused;
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8101)};
    CHECK(setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) == 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(listener, 16) == 0);
    for (;;) serve(accept(listener, NULL, NULL));
}

int main(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, loop, NULL) == 0);
    loop(NULL);
}
