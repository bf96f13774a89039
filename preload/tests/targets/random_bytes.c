/* Answers and logs random bytes from getrandom, getentropy, /dev/urandom and /dev/random. */
#include "target.h"
#include <sys/random.h>

static void append(char *line, const void *bytes, size_t len) {
    line += strlen(line);
    for (size_t i = 0; i < len; i++) line += sprintf(line, "%02x", ((const unsigned char *)bytes)[i]);
    strcpy(line, " ");
}

int main(void) {
    int listener = listen_on(8101), kept = open("/dev/urandom", O_RDONLY);
    unsigned char at_start[8], bytes[8];
    CHECK(getrandom(at_start, sizeof at_start, 0) == sizeof at_start);
    for (;;) {
        char request[4096], line[512] = "";
        int fd = accept(listener, NULL, NULL);
        CHECK(read(fd, request, sizeof request) > 0);
        append(line, at_start, sizeof at_start);
        CHECK(getrandom(bytes, sizeof bytes, GRND_NONBLOCK) == sizeof bytes);
        append(line, bytes, sizeof bytes);
        CHECK(getentropy(bytes, sizeof bytes) == 0);
        append(line, bytes, sizeof bytes);
        CHECK(read(kept, bytes, sizeof bytes) == sizeof bytes);
        append(line, bytes, sizeof bytes);
        int opened = open("/dev/random", O_RDONLY | O_CLOEXEC);
        CHECK(read(opened, bytes, sizeof bytes) == sizeof bytes);
        close(opened);
        append(line, bytes, sizeof bytes);
        log_line(line, (int)strlen(line));
        respond(fd, "%s\n", line);
        close(fd);
    }
}
