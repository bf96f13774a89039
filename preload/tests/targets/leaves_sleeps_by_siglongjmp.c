/* Threads leave a sleep by siglongjmp(3) from a signal handler. The driver must not wait for these sleeps afterwards.
   In the loop, the time between two connections, measured by a kernel timer, shows that. */
#include "target.h"
#include <semaphore.h>
#include <setjmp.h>
#include <sys/time.h>

enum { LEAVING = 3, MEASURED = 8, MOST_MICROSECONDS = 40000, TIMER_SECONDS = 10000 };

static __thread sigjmp_buf awake;
static sem_t ready, left;

static void leave(int signal) {
    (void)signal;
    siglongjmp(awake, 1);
}

static void *sleep_and_leave(void *unused) {
    if (sigsetjmp(awake, 1) == 0) {
        sem_post(&ready);
        usleep(40000);
        CHECK(!"left");
    }
    sem_post(&left);
    for (;;) pause();
    return unused;
}

static void leave_a_sleep(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, sleep_and_leave, NULL) == 0);
    CHECK(sem_wait(&ready) == 0);
    usleep(5000);
    CHECK(pthread_kill(thread, SIGUSR1) == 0 && sem_wait(&left) == 0);
}

static long now(void) {
    struct itimerval timer;
    CHECK(getitimer(ITIMER_REAL, &timer) == 0);
    return (TIMER_SECONDS - timer.it_value.tv_sec) * 1000000L - timer.it_value.tv_usec;
}

int main(void) {
    struct itimerval timer = {.it_value.tv_sec = TIMER_SECONDS};
    long end = 0, shortest = MOST_MICROSECONDS;
    signal(SIGUSR1, leave);
    CHECK(sem_init(&ready, 0, 0) == 0 && sem_init(&left, 0, 0) == 0);
    int listener = listen_on(8101);
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    for (int count = 0;; count++) {
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        if (count > LEAVING && now() - end < shortest) shortest = now() - end;
        CHECK(count < LEAVING + MEASURED || shortest < MOST_MICROSECONDS);
        if (count < LEAVING) leave_a_sleep();
        serve(fd);
        end = now();
    }
}
