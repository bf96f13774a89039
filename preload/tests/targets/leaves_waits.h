/* Leaves ppoll and read by siglongjmp(3) from a signal handler. `install` installs the handler. */

#include "target.h"
#include <setjmp.h>
#include <sys/time.h>

static void install(int number, void (*handler)(int));

static sigjmp_buf timeout;
static sigset_t blocked, none;

static void leave(int signal) {
    (void)signal;
    siglongjmp(timeout, 1);
}

static void in(int microseconds) {
    struct itimerval soon = {.it_value.tv_usec = microseconds};
    CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
}

/* Leaves a wait that a pending signal ends. */
static void leave_ppoll(int fd) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    CHECK(sigprocmask(SIG_BLOCK, &blocked, NULL) == 0 && raise(SIGUSR1) == 0);
    if (sigsetjmp(timeout, 1) == 0) {
        ppoll(&wait, 1, NULL, &none);
        /* The descriptor was ready, so the signal is still pending. */
        sigprocmask(SIG_SETMASK, &none, NULL);
        CHECK(!"left");
    }
}

/* Leaves a read while another thread works, so that the client does nothing yet. */
static volatile int left;

static void *work(void *unused) {
    (void)unused;
    while (!left) {}
    return NULL;
}

static void leave_read(int fd) {
    pthread_t thread;
    sigset_t all, before;
    char nothing;
    left = 0;
    /* No signal may ever reach the thread, which inherits this mask. */
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    CHECK(pthread_create(&thread, NULL, work, NULL) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    if (sigsetjmp(timeout, 1) == 0) {
        in(2000);
        read(fd, &nothing, 1);
        CHECK(!"left");
    }
    left = 1;
    CHECK(pthread_join(thread, NULL) == 0);
}

static void serve_for_ever(void) {
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    install(SIGUSR1, leave);
    install(SIGALRM, leave);
    int listener = listen_on(8101);
    for (;;) {
        leave_ppoll(listener);
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0 && serve_once(fd));
        leave_ppoll(fd);
        leave_read(fd);
        serve(fd);
    }
}
