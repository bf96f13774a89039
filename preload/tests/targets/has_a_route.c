/* Aborts at a route that no other request names. It is in the executable only, and compared by a library function. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        char request[4096] = "", path[256] = "";
        ssize_t received = read(connection, request, sizeof request - 1);
        const char *answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        if (received <= 0 || !strstr(request, " HTTP/1.1\r\n") || sscanf(request, "GET %255s", path) < 1)
            answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
        else if (strcmp(path, "/qzx/inventory") == 0)
            abort();
        send(connection, answer, strlen(answer), MSG_NOSIGNAL);
        close(connection);
    }
}
