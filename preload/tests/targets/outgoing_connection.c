/* Asks another server, which is real, before it answers, as a proxy does. */
#include "target.h"

static struct sockaddr_in other;

static void *other_server(void *listener) {
    for (;;) {
        int fd = accept((int)(long)listener, NULL, NULL);
        CHECK(fd >= 0 && write(fd, "yes", 3) == 3);
        close(fd);
    }
}

static void ask(void) {
    char answer[4] = "";
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&other, sizeof other) == 0);
    CHECK(read(fd, answer, 3) == 3 && !strcmp(answer, "yes"));
    close(fd);
}

int main(void) {
    int listener = listen_on(8101);
    long upstream = listen_on(0);
    socklen_t len = sizeof other;
    CHECK(getsockname(upstream, (struct sockaddr *)&other, &len) == 0);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, other_server, (void *)upstream) == 0);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        ask();
        serve(fd);
    }
}
