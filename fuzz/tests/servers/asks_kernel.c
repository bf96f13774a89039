// Server that queries the kernel for unsent bytes of its answer, which the kernel cannot count in transport memory. The
// answer reports the result; with a file as its argument, it appends the result to the file, and all answers are equal.
#include <arpa/inet.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int count, char **words) {
    FILE *log = count > 1 ? fopen(words[1], "a") : NULL;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8080)};
    bind(listener, (struct sockaddr *)&address, sizeof address);
    listen(listener, 8);
    for (;;) {
        int connection = accept(listener, NULL, NULL), unsent = 0;
        char request[4096];
        read(connection, request, sizeof request);
        write(connection, "HTTP/1.1 200 OK\r\n", 17);
        ioctl(connection, SIOCOUTQ, &unsent);
        const char *end = unsent ? "X-Unsent: yes\r\n\r\n" : "X-Unsent: no\r\n\r\n";
        if (log) {
            fputs(end, log);
            fflush(log);
            end = "\r\n";
        }
        write(connection, end, strlen(end));
        close(connection);
    }
}

#ifdef INSTRUMENTED
// Makes the program look instrumented, which is sufficient for the tests.
unsigned char *__afl_area_ptr;
const char __afl_mark[] = "__AFL_SHM_ID";
#endif
