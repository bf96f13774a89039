/* The main thread waits for each answer of a worker for at most a second, and accepts no timeout. Each answer takes a
   tenth of a second, by the kernel's clock alone. */
#include "target.h"
#include <sys/syscall.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int asked = -1;

static void *worker(void *unused) {
    (void)unused;
    const struct timespec tenth = {.tv_nsec = 100 * 1000 * 1000};
    for (;;) {
        pthread_mutex_lock(&mutex);
        while (asked < 0) pthread_cond_wait(&changed, &mutex);
        pthread_mutex_unlock(&mutex);
        syscall(SYS_nanosleep, &tenth, NULL);
        serve_once(asked);
        pthread_mutex_lock(&mutex);
        asked = -1;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

int main(void) {
    int listener = listen_on(8101);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, worker, NULL) == 0);
    for (;;) {
        struct timespec deadline;
        int fd = accept(listener, NULL, NULL);
        clock_gettime(CLOCK_REALTIME, &deadline);
        deadline.tv_sec++;
        pthread_mutex_lock(&mutex);
        asked = fd;
        pthread_cond_broadcast(&changed);
        while (asked >= 0) CHECK(pthread_cond_timedwait(&changed, &mutex, &deadline) == 0);
        pthread_mutex_unlock(&mutex);
        close(fd);
    }
}
