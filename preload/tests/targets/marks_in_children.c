/* The child process that serves a connection sets entry 67 of AFL++'s coverage map for "GET /mark", and entry 68 for
   any other request. */
#include "target.h"

extern unsigned char *__afl_area_ptr;

int main(void) {
    int listener = listen_on(8101);
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        pid_t child = fork();
        CHECK(connection >= 0 && child >= 0);
        if (child == 0) {
            char request[256] = "";
            int len = read(connection, request, sizeof request - 1);
            if (len > 0) __afl_area_ptr[strncmp(request, "GET /mark", 9) ? 68 : 67] = 1;
            _exit(0);
        }
        close(connection);
    }
}
