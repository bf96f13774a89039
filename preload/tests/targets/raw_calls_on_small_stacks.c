/* Makes raw system calls on a stack of less than a page, as green threads do. A handler on an alternate signal stack
   runs repeatedly and interrupts calls that wait. */
#include "by_number.h"
#include "raw.h"
#include <sys/mman.h>
#include <sys/time.h>

enum { PAGE = 4096, SMALL = 512 };

static char *top;

__attribute__((always_inline)) static inline long call(long number, long a, long b, long c, long d, long e, long f) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    do
        __asm__ volatile("mov %%rsp, %%r15\n\tmov %[top], %%rsp\n\tsyscall\n\tmov %%r15, %%rsp"
                         : "=a"(result)
                         : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9), [top] "r"(top)
                         : "rcx", "r11", "r15", "memory");
    while (result == -EINTR);
    if (result >= 0 || result <= -4096) return result;
    errno = (int)-result;
    return -1;
}

static void scribble(int number) {
    volatile char room[8192];
    for (unsigned i = 0; i < sizeof room; i++) room[i] = (char)number;
}

int main(void) {
    static char alternate[32768];
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    struct sigaction action = {.sa_handler = scribble, .sa_flags = SA_ONSTACK | SA_RESTART};
    struct itimerval often = {{0, 1000}, {0, 1000}};
    sigset_t mask, now;
    char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED && mprotect(pages, PAGE, PROT_NONE) == 0);
    top = pages + PAGE + SMALL;
    CHECK(sigaltstack(&stack, NULL) == 0);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    /* The change of the signal mask by a trapped call stays in effect afterwards. */
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    CHECK(CALL(rt_sigprocmask, SIG_BLOCK, &mask, NULL, SIGNAL_SET, 0, 0) == 0);
    CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGUSR1) && !sigismember(&now, SIGALRM));
    serve_for_ever();
}
