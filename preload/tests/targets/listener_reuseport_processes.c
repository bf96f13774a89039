/* Each worker process has its own socket on the same port, by SO_REUSEPORT. */
#include "target.h"
#include <sys/wait.h>

static void work(void) {
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8101)};
    CHECK(setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) == 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(listener, 16) == 0);
    for (;;) serve(accept(listener, NULL, NULL));
}

int main(void) {
    for (int i = 0; i < 3; i++)
        if (fork() == 0) work();
    wait(NULL);
}
