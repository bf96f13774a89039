/* The master process only waits; its workers accept on its listener. */
#include "target.h"
#include <sys/wait.h>

int main(void) {
    int listener = listen_on(8101);
    for (int i = 0; i < 3; i++)
        if (fork() == 0)
            for (;;) serve(accept(listener, NULL, NULL));
    wait(NULL);
}
