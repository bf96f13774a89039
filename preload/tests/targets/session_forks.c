/* Serves each connection in a child process, which blocks in read. */
#include "session.h"
#include <sys/mman.h>

int main(void) {
    int listener = listen_on(8101);
    int *connections = mmap(NULL, sizeof(int[CONNECTIONS]), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(connections != MAP_FAILED);
    memset(connections, FREE, sizeof(int[CONNECTIONS]));
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL), number = lowest_free(connections);
        CHECK((connections[number] = fd) >= 0);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            close(listener);
            while (see(number, fd, "")) {}
            connections[number] = FREE;
            _exit(0);
        }
        close(fd);
    }
}
