/* The accepting thread needs a lock that the thread which serves "GET /stop" never releases. */
#include "target.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *serve_thread(void *connection) {
    int fd = (int)(long)connection;
    char request[9];
    pthread_mutex_lock(&lock);
    int stop = recv(fd, request, 9, MSG_PEEK) == 9 && !memcmp(request, "GET /stop", 9);
    serve(fd);
    if (!stop) pthread_mutex_unlock(&lock);
    return NULL;
}

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        pthread_t thread;
        long fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0 && pthread_create(&thread, NULL, serve_thread, (void *)fd) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        pthread_mutex_lock(&lock);
        pthread_mutex_unlock(&lock);
    }
}
