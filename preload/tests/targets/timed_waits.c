/* A thread waits in five ways, each time until a deadline has passed by the clock. */
#include "target.h"
#include <semaphore.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, held = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static sem_t nobody;
static int rounds;

static struct timespec in_milliseconds(int milliseconds) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_nsec += milliseconds * 1000000L;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

static int is_over(struct timespec at) {
    struct timespec now = in_milliseconds(0);
    return now.tv_sec > at.tv_sec || (now.tv_sec == at.tv_sec && now.tv_nsec >= at.tv_nsec);
}

static void *housekeeper(void *unused) {
    (void)unused;
    pthread_mutex_lock(&held);
    pthread_mutex_lock(&mutex);
    for (int round = 0;; round = __atomic_add_fetch(&rounds, 1, __ATOMIC_SEQ_CST)) {
        struct timespec at = in_milliseconds(5), a_while = {.tv_nsec = 5000000};
        while (!is_over(at)) {
            switch (round % 5) {
            case 0: sem_timedwait(&nobody, &at); break;
            case 1: pthread_cond_timedwait(&never, &mutex, &at); break;
            case 2: pthread_mutex_timedlock(&held, &at); break;
            case 3: clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, NULL); break;
            case 4: nanosleep(&a_while, NULL); break;
            }
        }
    }
    return NULL;
}

/* Uses processor time until a wait of each kind is over. */
static void work(void) {
    struct timespec spent = {0};
    int until = __atomic_load_n(&rounds, __ATOMIC_SEQ_CST) + 6;
    while (__atomic_load_n(&rounds, __ATOMIC_SEQ_CST) < until) {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
        CHECK(spent.tv_sec < 60);
    }
}

int main(void) {
    int listener = listen_on(8101);
    pthread_t thread;
    CHECK(sem_init(&nobody, 0, 0) == 0);
    CHECK(pthread_create(&thread, NULL, housekeeper, NULL) == 0);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        work();
        serve_once(fd);
        close(fd);
    }
}
