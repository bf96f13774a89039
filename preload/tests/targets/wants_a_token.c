/* Aborts when a request has the right token: eight bytes that no one guesses. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        char request[4096] = "";
        CHECK(read(connection, request, sizeof request - 1) >= 0);
        const char *field = strstr(request, "Token: ");
        uint64_t token = 0;
        if (field && strlen(field) >= 15) memcpy(&token, field + 7, sizeof token);
        if (token == 0x7e5a3c9142db86f1) abort();
        const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        CHECK(write(connection, answer, strlen(answer)) > 0);
        close(connection);
    }
}
