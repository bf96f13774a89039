/* Directory that the server was built for. It does not exist; the tests put its files elsewhere. */

#pragma once
#include "target.h"

#define SERVER "/nonexistent/server"

/* Reads the whole file, which holds the word "found". */
static inline void check_content(int fd) {
    char content[16];
    CHECK(fd >= 0 && read(fd, content, sizeof content) == 5 && !memcmp(content, "found", 5) && close(fd) == 0);
}
