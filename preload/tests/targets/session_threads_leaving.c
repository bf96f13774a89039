/* Serves each connection in a thread. The second connection gets a stdio stream for a moment, while the thread of the
   first one blocks in read. */
#include "session_thread_each.h"

static void serve_connection(int number) {
    while (see(number, connections[number], ""))
        if (number == 1) {
            FILE *stream = fdopen(dup(connections[number]), "r");
            CHECK(stream && fclose(stream) == 0);
        }
}
