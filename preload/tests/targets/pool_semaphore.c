/* Workers wait on a semaphore for connections that the main thread has accepted. */
#include "target.h"
#include <semaphore.h>

static int queue[16];
static unsigned head, tail;
static sem_t waiting;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *worker(void *unused) {
    (void)unused;
    for (;;) {
        while (sem_wait(&waiting) < 0) CHECK(errno == EINTR);
        pthread_mutex_lock(&lock);
        int fd = queue[head++ % 16];
        pthread_mutex_unlock(&lock);
        serve(fd);
    }
}

int main(void) {
    pthread_t thread;
    CHECK(sem_init(&waiting, 0, 0) == 0);
    for (int i = 0; i < 2; i++) CHECK(pthread_create(&thread, NULL, worker, NULL) == 0);
    int listener = listen_on(8101);
    for (int i = 0; i < 2; i++) CHECK(pthread_create(&thread, NULL, worker, NULL) == 0);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        pthread_mutex_lock(&lock);
        queue[tail++ % 16] = fd;
        pthread_mutex_unlock(&lock);
        CHECK(sem_post(&waiting) == 0);
    }
}
