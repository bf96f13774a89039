/* Client: on one connection to the port in its first argument, sends each further argument, and reads an answer after each.
   In an argument, "|" stands for CRLF. "reset" resets the connection. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void send_all(int fd, const char *text) {
    char bytes[8192];
    size_t length = 0;
    for (; *text; text++) {
        if (*text == '|') bytes[length++] = '\r';
        bytes[length++] = *text == '|' ? '\n' : *text;
    }
    if (write(fd, bytes, length) != (ssize_t)length) exit(2);
}

int main(int count, char **words) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(words[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) return 1;
    for (int at = 2; at < count; at++) {
        char answer[8192];
        if (!strcmp(words[at], "reset")) {
            struct linger at_once = {.l_onoff = 1};
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
            break;
        }
        send_all(fd, words[at]);
        if (read(fd, answer, sizeof answer) <= 0) return 3;
    }
    close(fd);
    return 0;
}
