/* bind(2), listen(2) and accept(2) fail with the same errors with and without the preload. */
#include "target.h"

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8102)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(8102)};
    struct sockaddr *raw = (struct sockaddr *)&address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), path = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(-1, raw, sizeof address) == -1 && errno == EBADF);
    CHECK(bind(1000, raw, sizeof address) == -1 && errno == EBADF);
    CHECK(bind(open("/dev/null", O_RDONLY), raw, sizeof address) == -1 && errno == ENOTSOCK);
    CHECK(bind(listener, raw, 4) == -1 && errno == EINVAL);
    CHECK(bind(listener, (struct sockaddr *)&six, sizeof six) == -1);
    CHECK(bind(path, raw, sizeof address) == -1 && errno == EINVAL);
    CHECK(listen(path, 1) == -1 && errno == EINVAL);
    CHECK(listen(-1, 1) == -1 && errno == EBADF);
    CHECK(accept(listener, NULL, NULL) == -1 && errno == EINVAL);
    CHECK(bind(listener, raw, sizeof address) == 0);
    CHECK(bind(listener, raw, sizeof address) == -1 && errno == EINVAL);
    CHECK(listen(listener, 16) == 0);
    CHECK(bind(listener, raw, sizeof address) == -1 && errno == EINVAL);
    CHECK(accept(-1, NULL, NULL) == -1 && errno == EBADF);
    for (;;) serve(accept(listener, NULL, NULL));
}
