/* Single-threaded server that reads and writes each connection through two FILEs, and checks their descriptors. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
        CHECK(in && out && fileno(in) == fd && fileno_unlocked(out) != fd);
        CHECK(fdopen(fd, "nonsense") == NULL && errno == EINVAL);
        char *line = NULL;
        size_t room = 0;
        ssize_t len = getline(&line, &room, in);
        CHECK(len > 2 && fseek(in, 0, SEEK_SET) == -1 && errno == ESPIPE);
        log_line(line, (int)strcspn(line, "\r"));
        fprintf(out, "HTTP/1.1 200 OK\r\nContent-Length: %zd\r\n\r\n", len - 1);
        fprintf(out, "%.*s\n", (int)len - 2, line);
        CHECK(fflush(out) == 0);
        while (getline(&line, &room, in) > 0) {}
        CHECK(feof(in) && !ferror(in));
        CHECK(fclose(in) == 0 && fcntl(fd, F_GETFD) == -1);
        CHECK(fclose(out) == 0);
        free(line);
    }
}
