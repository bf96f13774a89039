/* Gives out the address of an item and a token, and aborts when both come back. Neither is in the executable. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    uint64_t number = 1;
    for (int i = 0; i < 100; i++) number = number * 6364136223846793005u + 1442695040888963407u;
    char item[64], token[64], answer[512];
    snprintf(item, sizeof item, "/items/%016llx", (unsigned long long)number);
    snprintf(token, sizeof token, "?token=%016llx", (unsigned long long)(number * 31));
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        char request[4096] = "", target[1024] = "";
        CHECK(read(connection, request, sizeof request - 1) >= 0);
        sscanf(request, "%*s %1023s", target);
        if (strncmp(target, item, strlen(item)) != 0)
            snprintf(answer, sizeof answer, "HTTP/1.1 201 Created\r\nLocation: http://localhost%s\r\nContent-Length: 0\r\n\r\n", item);
        else if (strcmp(target + strlen(item), token) != 0)
            snprintf(answer, sizeof answer, "HTTP/1.1 403 Forbidden\r\nContent-Length: 29\r\n\r\n{\"token\": \"%s\"}\n", token + 7);
        else
            abort();
        CHECK(write(connection, answer, strlen(answer)) > 0);
        close(connection);
    }
}
