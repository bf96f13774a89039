// Server that exits when afl-fuzz runs it, and serves otherwise.
#define main serve_blocking
#include "blocking.c"
#undef main

int main(void) { return getenv("__AFL_SHM_ID") ? 3 : serve_blocking(); }
