/* A thread for each connection, which blocks in read. */
#include "session.h"

static int connections[CONNECTIONS];

static void *serve_connection(void *place) {
    int number = (int *)place - connections;
    while (see(number, connections[number], "")) {}
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
        CHECK(pthread_create(&thread, NULL, serve_connection, &connections[number]) == 0);
        pthread_detach(thread);
    }
}
