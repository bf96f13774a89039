/* Cancels threads (pthread_cancel(3)) that wait in accept(2) or are about to. */
#include "target.h"

static int cleaned;

static void clean(void *unused) {
    (void)unused;
    cleaned++;
}

static void *wait_for_another(void *listener) {
    pthread_cleanup_push(clean, NULL);
    accept((int)(long)listener, NULL, NULL);
    CHECK(!"cancelled");
    pthread_cleanup_pop(0);
    return NULL;
}

/* Uses processor time, so that the server is not idle and the client does nothing yet. */
static void work_for(int microseconds) {
    struct timespec begin, now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    do clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    while ((now.tv_sec - begin.tv_sec) * 1000000 + (now.tv_nsec - begin.tv_nsec) / 1000 < microseconds);
}

static void cancel_accepting(int listener, int delay) {
    pthread_t thread;
    void *result;
    cleaned = 0;
    CHECK(pthread_create(&thread, NULL, wait_for_another, (void *)(long)listener) == 0);
    work_for(delay);
    CHECK(pthread_cancel(thread) == 0);
    while (!__atomic_load_n(&cleaned, __ATOMIC_SEQ_CST)) {}
    CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
}

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0 && serve_once(fd));
        for (int delay = 0; delay < 3000; delay += 500) cancel_accepting(listener, delay);
        serve(fd);
    }
}
