/* Runs other code for every byte of a request: a jump table, a loop that runs more than 256 times for a long request, a
   call by a pointer. "crash" in it aborts, and "hang" never ends. A second thread sleeps meanwhile. */
#include "target.h"

static int digit(int byte) { return byte - '0'; }
static int letter(int byte) { return byte | 0x20; }

static int weigh(int byte) {
    switch (byte % 8) {
    case 0: return byte + 1;
    case 1: return byte * 3;
    case 2: return byte >> 1;
    case 3: return byte ^ 0x55;
    case 4: return -byte;
    case 5: return byte << 2;
    default: return 0;
    }
}

static void *sleeps(void *nothing) {
    for (;;) pause();
    return nothing;
}

int main(int argc, char **argv) {
    pthread_t thread;
    if (argc > 1 && strcmp(argv[1], "thread") == 0) CHECK(pthread_create(&thread, NULL, sleeps, NULL) == 0);
    int listener = listen_on(8101);
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        char request[4096] = "";
        ssize_t count = read(connection, request, sizeof request - 1);
        volatile int sum = 0;
        for (ssize_t place = 0; place < count; place++) {
            int (*kind)(int) = request[place] < 'A' ? digit : letter;
            sum += kind(request[place]) + weigh(request[place]);
        }
        if (strstr(request, "crash")) abort();
        while (strstr(request, "hang")) sum++;
        char answer[64];
        int len = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Sum: %d\r\n\r\n", sum);
        CHECK(write(connection, answer, len) == len);
        close(connection);
    }
}
