#include "leaves_waits.h"

static void install(int number, void (*handler)(int)) { signal(number, handler); }

int main(void) { serve_for_ever(); }
