/* Reads the beginning of a request, opens a stdio stream on the connection, and reads the whole rest from it. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        static char request[1 << 16];
        ssize_t total = read(fd, request, 100);
        CHECK(total > 0);
        FILE *stream = fdopen(fd, "r");
        CHECK(stream);
        for (size_t len; (len = fread(request, 1, sizeof request, stream)) > 0;) total += len;
        CHECK(feof(stream));
        respond(fd, "%zd bytes\n", total);
        fclose(stream);
    }
}
