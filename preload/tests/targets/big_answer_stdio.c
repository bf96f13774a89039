/* Reads and writes each connection through one FILE in turns, with an answer of 20 MiB. */
#include "target.h"

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        FILE *both = fdopen(accept(listener, NULL, NULL), "r+");
        char line[4096];
        CHECK(both && fgets(line, sizeof line, both));
        log_line(line, (int)strcspn(line, "\r"));
        for (char header[4096]; fgets(header, sizeof header, both) && header[0] != '\r';) {}
        CHECK(fseek(both, 0, SEEK_CUR) == -1 && errno == ESPIPE);
        fprintf(both, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 20 << 20);
        static char block[1 << 20];
        memset(block, 'x', sizeof block);
        for (int i = 0; i < 20; i++) CHECK(fwrite(block, sizeof block, 1, both) == 1);
        CHECK(fclose(both) == 0);
    }
}
