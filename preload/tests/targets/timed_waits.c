/* Threads that wait by the clock: until a deadline, for a while, or for a worker that is in time. */
#include "target.h"
#include <semaphore.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, held = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER, never = PTHREAD_COND_INITIALIZER;
static sem_t nobody;
static int asked = -1, answered;

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

/* Keeps house 50 times a second, by four ways to wait. A deadline that is over on the kernel's clock
   has to be over on ours as well, or this never sleeps. */
static void *housekeeper(void *unused) {
    (void)unused;
    pthread_mutex_lock(&held);
    for (int round = 0;; round++) {
        struct timespec at = in_milliseconds(20);
        while (!is_over(at)) {
            if (round % 4 == 0) {
                sem_timedwait(&nobody, &at);
            } else if (round % 4 == 1) {
                pthread_mutex_lock(&mutex);
                pthread_cond_timedwait(&never, &mutex, &at);
                pthread_mutex_unlock(&mutex);
            } else if (round % 4 == 2) {
                pthread_mutex_timedlock(&held, &at);
            } else {
                clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, NULL);
            }
        }
    }
    return NULL;
}

static void *worker(void *unused) {
    (void)unused;
    pthread_mutex_lock(&mutex);
    for (;;) {
        while (asked < 0) pthread_cond_wait(&changed, &mutex);
        int fd = asked;
        asked = -1;
        pthread_mutex_unlock(&mutex);
        serve_once(fd);
        pthread_mutex_lock(&mutex);
        answered = 1;
        pthread_cond_broadcast(&changed);
    }
    return NULL;
}

int main(void) {
    int listener = listen_on(8101);
    pthread_t thread;
    CHECK(sem_init(&nobody, 0, 0) == 0);
    CHECK(pthread_create(&thread, NULL, housekeeper, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, worker, NULL) == 0);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        pthread_mutex_lock(&mutex);
        asked = fd;
        answered = 0;
        pthread_cond_broadcast(&changed);
        /* A second is enough for a worker that works: "too late" must not be the answer. */
        struct timespec at = in_milliseconds(1000);
        while (!answered) {
            if (pthread_cond_timedwait(&changed, &mutex, &at) == ETIMEDOUT) {
                dprintf(2, "too late\n");
                abort();
            }
        }
        pthread_mutex_unlock(&mutex);
        close(fd);
    }
}
