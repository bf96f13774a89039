/* Several threads block in accept on one listener; each connection wakes exactly one of them. */
#include "target.h"

static int listener, let_through;

static void *worker(void *unused) {
    (void)unused;
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        int others = __atomic_fetch_add(&let_through, 1, __ATOMIC_SEQ_CST);
        char request[4096];
        ssize_t len = read(fd, request, sizeof request);
        if (len > 0) log_first_line(request, len);
        usleep(5000); /* leaves time for a second thread to return from accept, wrongly */
        respond(fd, "%d before, %d since\n", others, __atomic_load_n(&let_through, __ATOMIC_SEQ_CST) - others);
        while (read(fd, request, sizeof request) > 0) {}
        __atomic_fetch_sub(&let_through, 1, __ATOMIC_SEQ_CST);
        close(fd);
    }
    return NULL;
}

int main(void) {
    /* The client may close the connection while a thread sleeps. */
    CHECK(signal(SIGPIPE, SIG_IGN) == SIG_DFL);
    listener = listen_on(8101);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, worker, NULL) == 0);
    pthread_join(threads[0], NULL);
}
