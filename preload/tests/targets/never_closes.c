/* Keeps every connection open, whatever the client does. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        while (serve_once(fd)) {}
    }
}
