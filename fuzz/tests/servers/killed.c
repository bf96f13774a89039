// Server that is ended by a signal before it listens.
#include <signal.h>

int main(void) { return raise(SIGSEGV); }
