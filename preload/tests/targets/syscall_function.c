/* Makes its system calls through libc's syscall(). */
#include "by_number.h"

static long call(long number, long a, long b, long c, long d, long e, long f) {
    return syscall(number, a, b, c, d, e, f);
}

int main(void) { serve_for_ever(); }
