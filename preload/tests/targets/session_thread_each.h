/* Server with a thread for each connection: `serve_connection(number)` serves one to its end. */

#include "session.h"

static int connections[CONNECTIONS];

static void serve_connection(int number);

static void *begin(void *place) {
    int number = (int *)place - connections;
    serve_connection(number);
    connections[number] = FREE;
    return NULL;
}

int main(void) {
    int listener = listen_on(8101);
    memset(connections, FREE, sizeof connections);
    for (;;) {
        pthread_t thread;
        int fd = accept(listener, NULL, NULL), number = lowest_free(connections);
        CHECK((connections[number] = fd) >= 0);
        CHECK(pthread_create(&thread, NULL, begin, &connections[number]) == 0);
        pthread_detach(thread);
    }
}
