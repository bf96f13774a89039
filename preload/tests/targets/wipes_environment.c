/* Replaces its environment before it listens, as nginx does. */
#include "target.h"

int main(void) {
    static char *log[2];
    const char *name = getenv("TARGET_LOG");
    if (name) CHECK(asprintf(&log[0], "TARGET_LOG=%s", name) > 0);
    environ = log;
    int listener = listen_on(8101);
    for (;;) serve(accept(listener, NULL, NULL));
}
