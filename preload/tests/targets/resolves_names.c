/* Resolves a name for every connection, with the same result as before. (A minimal system may have no /etc/hosts.) */
#include "target.h"
#include <netdb.h>

static int resolve(in_addr_t *address) {
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo("localhost", "80", &hints, &found);
    if (error == 0) {
        *address = ((struct sockaddr_in *)found->ai_addr)->sin_addr.s_addr;
        freeaddrinfo(found);
    }
    return error;
}

int main(void) {
    in_addr_t before = 0, now = 0;
    int error = resolve(&before);
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        CHECK(resolve(&now) == error);
        CHECK(now == before);
        serve(fd);
    }
}
