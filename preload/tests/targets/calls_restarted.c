/* The handler of a timer with SA_RESTART (sigaction(2)) interrupts poll, not accept, while a thread serves slowly. */
#include "target.h"
#include <sys/time.h>

static volatile sig_atomic_t ticks;

static void tick(int signal) {
    (void)signal;
    ticks++;
}

static void *serve_slowly(void *fd) {
    serve_once((int)(long)fd);
    usleep(8000);
    serve((int)(long)fd);
    return NULL;
}

int main(void) {
    struct sigaction found;
    CHECK(signal(SIGALRM, tick) == SIG_DFL && signal(SIGALRM, tick) == tick);
    CHECK(sigaction(SIGALRM, NULL, &found) == 0 && found.sa_handler == tick);
    CHECK((found.sa_flags & (SA_RESTART | SA_SIGINFO)) == SA_RESTART);
    struct itimerval often = {.it_interval.tv_usec = 2000, .it_value.tv_usec = 2000};
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    int listener = listen_on(8101);
    for (;;) {
        pthread_t thread;
        long fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0 && pthread_create(&thread, NULL, serve_slowly, (void *)fd) == 0);
        CHECK(pthread_detach(thread) == 0);
        struct pollfd none = {.fd = -1};
        ticks = 0;
        CHECK(poll(&none, 1, -1) == -1 && errno == EINTR && ticks > 0);
    }
}
