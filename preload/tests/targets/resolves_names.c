/* Resolves a name for every connection. */
#include "target.h"
#include <netdb.h>

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
        CHECK(getaddrinfo("localhost", "80", &hints, &found) == 0);
        CHECK(((struct sockaddr_in *)found->ai_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
        freeaddrinfo(found);
        serve(fd);
    }
}
