/* Listens on a socket that was never bound, for which the kernel would choose the port. */
#include "target.h"

int main(void) {
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in own;
    socklen_t len = sizeof own;
    CHECK(listen(listener, 16) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&own, &len) == 0 && own.sin_port != 0);
    for (;;) serve(accept(listener, NULL, NULL));
}
