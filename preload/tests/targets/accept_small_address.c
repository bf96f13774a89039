/* Passes accept(2) a buffer that is too small for the address: nothing is written past the given length. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        unsigned char address[64];
        memset(address, 0xaa, sizeof address);
        socklen_t len = 4;
        int fd = accept(listener, (struct sockaddr *)address, &len);
        CHECK(fd >= 0 && len == sizeof(struct sockaddr_in) && address[4] == 0xaa);
        CHECK(*(sa_family_t *)address == AF_INET && ntohs(*(unsigned short *)(address + 2)) != 0);
        len = sizeof address;
        CHECK(getsockname(fd, (struct sockaddr *)address, &len) == 0 && len == sizeof(struct sockaddr_in));
        CHECK(address[len] == 0xaa);
        serve(fd);
    }
}
