/* A thread sets entry 64 of AFL++'s coverage map and logs it whenever the process receives SIGUSR1. Each process sets
   entry 65 at its start, and each request sets entry 66. */
#include "target.h"

extern unsigned char *__afl_area_ptr;

static void *mark(void *signals) {
    for (int number; sigwait(signals, &number) == 0;) {
        __afl_area_ptr[64] = 1;
        log_line("marked", 6);
    }
    return NULL;
}

int main(void) {
    pthread_t thread;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    CHECK(pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, mark, &signals) == 0);
    int listener = listen_on(8101);
    __afl_area_ptr[65] = 1;
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        char request[256];
        if (read(connection, request, sizeof request) > 0) __afl_area_ptr[66] = 1;
        close(connection);
    }
}
