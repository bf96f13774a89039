/* Serves duplicates of the connection, made by dup, dup2, dup3 and fcntl; the original is closed first. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL), copies[4];
        CHECK((copies[0] = dup(fd)) >= 0 && close(fd) == 0);
        CHECK((copies[1] = dup2(copies[0], 50)) == 50 && close(copies[0]) == 0);
        CHECK((copies[2] = dup3(50, 51, O_CLOEXEC)) == 51 && close(50) == 0);
        CHECK((copies[3] = fcntl(51, F_DUPFD_CLOEXEC, 100)) >= 100 && close(51) == 0);
        serve(copies[3]);
    }
}
