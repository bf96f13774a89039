/* Aborts at a route that no other request names. It is in the executable only, and compared by a library function. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        char request[4096] = "", path[256] = "";
        CHECK(read(connection, request, sizeof request - 1) >= 0);
        sscanf(request, "%*s %255s", path);
        if (strcmp(path, "/qzx/inventory") == 0) abort();
        const char answer[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        CHECK(write(connection, answer, strlen(answer)) > 0);
        close(connection);
    }
}
