/* Gives out the address of an item and a token, and aborts when both come back. Neither is in the executable. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    uint64_t number = 1;
    for (int i = 0; i < 100; i++) number = number * 6364136223846793005u + 1442695040888963407u;
    char item[64], token[64];
    snprintf(item, sizeof item, "/items/%016llx", (unsigned long long)number);
    snprintf(token, sizeof token, "?token=%016llx", (unsigned long long)(number * 31));
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        char request[4096] = "", target[1024] = "", answer[512];
        ssize_t received = read(connection, request, sizeof request - 1);
        if (received <= 0 || !strstr(request, " HTTP/1.1\r\n") || sscanf(request, "GET %1023s", target) < 1)
            strcpy(answer, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        else if (strncmp(target, item, strlen(item)) != 0)
            snprintf(answer, sizeof answer, "HTTP/1.1 201 Created\r\nLocation: http://localhost%s\r\n\r\n", item);
        else if (strcmp(target + strlen(item), token) != 0)
            snprintf(answer, sizeof answer, "HTTP/1.1 403 Forbidden\r\n\r\n{\"token\": \"%s\"}\n", token + 7);
        else
            abort();
        send(connection, answer, strlen(answer), MSG_NOSIGNAL);
        close(connection);
    }
}
