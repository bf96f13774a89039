/* Proxy with a backend in its own process, which is created after the first thread. Every process of the server listens
   at the same path. */
#include "target.h"
#include <sys/un.h>

static struct sockaddr_un other = {.sun_family = AF_UNIX, .sun_path = "backend.sock"};

static void *nothing(void *unused) { return unused; }

static void ask(int listener) {
    char answer[4] = "";
    int near = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(near >= 0 && connect(near, (struct sockaddr *)&other, sizeof other) == 0);
    int far = accept(listener, NULL, NULL);
    CHECK(far >= 0 && write(far, "yes", 3) == 3);
    CHECK(read(near, answer, 3) == 3 && !strcmp(answer, "yes"));
    close(near);
    close(far);
}

int main(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0);
    int backend = socket(AF_UNIX, SOCK_STREAM, 0);
    unlink(other.sun_path);
    CHECK(bind(backend, (struct sockaddr *)&other, sizeof other) == 0 && listen(backend, 4) == 0);
    set_nonblocking(backend);
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        ask(backend);
        serve(fd);
    }
}
