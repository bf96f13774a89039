/* Closes all descriptors from 3 on before it listens: one by one, by close_range(2) and by closefrom(3). */
#include "target.h"

int main(void) {
    for (int fd = 3; fd < 1024; fd++) close(fd);
    close_range(3, ~0u, 0);
    closefrom(3);
    int listener = listen_on(8101);
    for (;;) serve(accept(listener, NULL, NULL));
}
