/* The second listener must stay real: the server connects to itself over it. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101), second = listen_on(0);
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    CHECK(getsockname(second, (struct sockaddr *)&address, &len) == 0 && address.sin_port != 0);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        int client = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(connect(client, (struct sockaddr *)&address, sizeof address) == 0);
        int peer = accept(second, NULL, NULL);
        CHECK(peer >= 0 && write(peer, "real", 4) == 4);
        char word[5] = "";
        CHECK(read(client, word, 4) == 4);
        close(peer);
        close(client);
        char request[4096];
        ssize_t got;
        while ((got = read(fd, request, sizeof request)) > 0) {
            log_first_line(request, got);
            respond(fd, "the other one is %s\n", word);
        }
        close(fd);
    }
}
