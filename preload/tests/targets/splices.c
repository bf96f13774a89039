/* Splices the request through pipes, and answers by sendfile with and without an offset. Calls that sockets do not
   support fail with the documented error. */
#include "target.h"
#include <sys/sendfile.h>

int main(void) {
    int listener = listen_on(8101), pipes[2], copies[2];
    char name[] = "/tmp/splices.XXXXXX", request[4096], byte;
    CHECK(pipe(pipes) == 0 && pipe(copies) == 0);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        ssize_t len = splice(fd, NULL, pipes[1], NULL, sizeof request, SPLICE_F_MOVE);
        CHECK(len > 0 && tee(pipes[0], copies[1], len, 0) == len);
        CHECK(read(copies[0], request, len) == len);
        int line = (int)strcspn(request, "\r");
        log_line(request, line);

        struct iovec part = {&byte, 1};
        CHECK(pread(fd, &byte, 1, 0) == -1 && errno == ESPIPE);
        CHECK(preadv(fd, &part, 1, 0) == -1 && errno == ESPIPE);
        CHECK(pwrite(fd, "x", 1, 0) == -1 && errno == ESPIPE);
        CHECK(lseek(fd, 0, SEEK_SET) == -1 && errno == ESPIPE);

        int file = mkstemp(name);
        CHECK(file >= 0 && unlink(name) == 0);
        memcpy(name + strlen(name) - 6, "XXXXXX", 6);
        CHECK(copy_file_range(file, NULL, fd, NULL, 1, 0) == -1 && errno == EINVAL);
        dprintf(file, "....HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", line + 1);
        off_t end = lseek(file, 0, SEEK_CUR), offset = 4;
        CHECK(sendfile(fd, file, &offset, 9) == 9 && offset == 13 && lseek(file, 0, SEEK_CUR) == end);
        CHECK(lseek(file, offset, SEEK_SET) == 13);
        CHECK(sendfile(fd, file, NULL, 4096) == end - 13 && lseek(file, 0, SEEK_CUR) == end);
        CHECK(sendfile(fd, file, NULL, 4096) == 0);
        close(file);

        CHECK(splice(pipes[0], NULL, fd, NULL, line, SPLICE_F_MORE) == line);
        CHECK(write(fd, "\n", 1) == 1);
        CHECK(read(pipes[0], request, sizeof request) == len - line);
        CHECK(splice(fd, NULL, pipes[1], NULL, sizeof request, 0) == 0);
        close(fd);
    }
}
