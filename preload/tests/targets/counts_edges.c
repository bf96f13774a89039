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

/* Has a branch for each letter: a coverage map of at least 64 entries, as real servers have. */
static int rank(int byte) {
    volatile int sum = 1;
    switch (byte) {
    case 'a': sum *= 3; break;
    case 'c': sum *= 4; break;
    case 'd': sum *= 5; break;
    case 'e': sum *= 6; break;
    case 'f': sum *= 7; break;
    case 'g': sum *= 8; break;
    case 'h': sum *= 9; break;
    case 'i': sum *= 10; break;
    case 'j': sum *= 11; break;
    case 'k': sum *= 12; break;
    case 'l': sum *= 13; break;
    case 'm': sum *= 14; break;
    case 'n': sum *= 15; break;
    case 'o': sum *= 16; break;
    case 'p': sum *= 17; break;
    case 'q': sum *= 18; break;
    case 'r': sum *= 19; break;
    case 's': sum *= 20; break;
    case 't': sum *= 21; break;
    case 'u': sum *= 22; break;
    case 'v': sum *= 23; break;
    case 'w': sum *= 24; break;
    case 'x': sum *= 25; break;
    case 'y': sum *= 26; break;
    case 'z': sum *= 27; break;
    case 'A': sum *= 28; break;
    case 'B': sum *= 29; break;
    case 'C': sum *= 30; break;
    case 'D': sum *= 31; break;
    case 'E': sum *= 32; break;
    case 'F': sum *= 33; break;
    case 'G': sum *= 34; break;
    case 'H': sum *= 35; break;
    case 'I': sum *= 36; break;
    case 'J': sum *= 37; break;
    case 'K': sum *= 38; break;
    case 'L': sum *= 39; break;
    case 'M': sum *= 40; break;
    case 'N': sum *= 41; break;
    case 'O': sum *= 42; break;
    case 'P': sum *= 43; break;
    case 'Q': sum *= 44; break;
    case 'R': sum *= 45; break;
    case 'S': sum *= 46; break;
    case 'T': sum *= 47; break;
    case 'U': sum *= 48; break;
    case 'V': sum *= 49; break;
    case 'W': sum *= 50; break;
    case 'X': sum *= 51; break;
    case 'Y': sum *= 52; break;
    case 'Z': sum *= 53; break;
    }
    return sum;
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
            sum += kind(request[place]) + weigh(request[place]) + rank(request[place]);
        }
        if (strstr(request, "crash")) abort();
        while (strstr(request, "hang")) sum++;
        char answer[64];
        int len = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Sum: %d\r\n\r\n", sum);
        CHECK(write(connection, answer, len) == len);
        close(connection);
    }
}
