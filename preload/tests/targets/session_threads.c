/* Serves each connection in a thread, which blocks in read. */
#include "session_thread_each.h"

static void serve_connection(int number) {
    while (see(number, connections[number], "")) {}
}
