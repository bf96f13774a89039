/* The main thread accepts; workers wait on a condition variable, which the preload cannot observe. */
#include "target.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static int queue[16], queued;

static void *worker(void *unused) {
    (void)unused;
    for (;;) {
        pthread_mutex_lock(&mutex);
        while (queued == 0) pthread_cond_wait(&filled, &mutex);
        int fd = queue[--queued];
        pthread_mutex_unlock(&mutex);
        serve(fd);
    }
    return NULL;
}

int main(void) {
    int listener = listen_on(8101);
    pthread_t thread;
    for (int i = 0; i < 3; i++) CHECK(pthread_create(&thread, NULL, worker, NULL) == 0);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        pthread_mutex_lock(&mutex);
        CHECK(queued < 16);
        queue[queued++] = fd;
        pthread_cond_signal(&filled);
        pthread_mutex_unlock(&mutex);
    }
}
