/* A thread for each connection. The second connection is made a stdio stream for a moment, while the thread of
   the first one blocks in read. */
#include "session.h"

static int connections[CONNECTIONS];

static void *serve_connection(void *place) {
    int number = (int *)place - connections;
    while (see(number, connections[number], ""))
        if (number == 1) {
            FILE *stream = fdopen(dup(connections[number]), "r");
            CHECK(stream && fclose(stream) == 0);
        }
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
