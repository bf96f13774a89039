/* Processes, threads and signals; paths; system calls by number. */

#include "conformance.h"

#include <sched.h>
#include <spawn.h>
#include <sys/syscall.h>

static pid_t child_of(struct side *side, int status) {
    pid_t child = F(fork)();
    if (child == 0) ((__typeof__(&_exit))original("_exit"))(status);
    CHECK(child > 0);
    return child;
}

static void try_wait4(struct side *side, pid_t child, int options) {
    int status = 0x7777;
    struct rusage usage = {.ru_maxrss = -7};
    begin_try();
    long result = F(wait4)(child, &status, options, &usage);
    end_try(side, result > 0 ? 1 : result);
    say(side, "status=%#x usage=%d", status, usage.ru_maxrss != -7);
}

CASE(wait4, no_child, CONNECTED) { try_wait4(side, -1, 0), try_wait4(side, -1, WNOHANG), try_wait4(side, 1, 0), try_wait4(side, 0, 0); }
CASE(wait4, unknown_option, CONNECTED) { try_wait4(side, -1, 0x100), child_of(side, 3), try_wait4(side, -1, 0x100); }
CASE(wait4, smallest, CONNECTED) { try_wait4(side, INT_MIN, 0), child_of(side, 3), try_wait4(side, INT_MIN, 0); }
CASE(wait4, child, CONNECTED) { try_wait4(side, child_of(side, 3), 0), try_wait4(side, -1, 0); }
CASE(wait4, bad_status, CONNECTED) { pid_t child = child_of(side, 3); TRY(F(wait4)(child, bad, 0, null)), TRY(F(wait4)(child, null, 0, null)); }
CASE(wait4, bad_usage, CONNECTED) { pid_t child = child_of(side, 3); TRY(F(wait4)(child, null, 0, bad)), TRY(F(wait4)(child, null, 0, null)); }
CASE(waitpid, no_child, CONNECTED) { TRY(F(waitpid)(-1, null, 0)), TRY(F(waitpid)(-1, bad, 0)), TRY(F(waitpid)(999999999, null, 0)); }
CASE(waitpid, unknown_option, CONNECTED) { TRY(F(waitpid)(-1, null, 0x100)); }
CASE(waitpid, status, CONNECTED) { pid_t child = child_of(side, 3); int status = 0; TRY(F(waitpid)(child, &status, 0) == child), say(side, "status=%#x", status); }
CASE(wait, no_child, CONNECTED) { TRY(F(wait)(null)), TRY(F(wait)(bad)); }
CASE(wait, null, CONNECTED) { pid_t child = child_of(side, 3); TRY(F(wait)(null) == child); }
static void try_waitid(struct side *side, idtype_t kind, id_t id, int options) {
    siginfo_t info;
    memset(&info, 0x55, sizeof info);
    TRY(F(waitid)(kind, id, &info, options));
    if (info.si_signo != 0x55555555) say(side, "code=%d status=%#x", info.si_code, info.si_code ? info.si_status : 0);
}
CASE(waitid, no_child, CONNECTED) { try_waitid(side, P_ALL, 0, WEXITED), try_waitid(side, P_PID, 1, WEXITED | WNOHANG); }
CASE(waitid, unknown, CONNECTED) { try_waitid(side, P_ALL, 0, 0), try_waitid(side, P_ALL, 0, WEXITED | 0x100), try_waitid(side, 99, 0, WEXITED), try_waitid(side, P_PID, 0, WEXITED); }
CASE(waitid, child, CONNECTED) { pid_t child = child_of(side, 3); try_waitid(side, P_PID, child, WEXITED | WNOWAIT), try_waitid(side, P_PID, child, WEXITED), try_waitid(side, P_PID, child, WEXITED); }
CASE(waitid, null, CONNECTED) { child_of(side, 3), TRY(F(waitid)(P_ALL, 0, null, WEXITED)); }
CASE(waitid, bad, CONNECTED) { child_of(side, 3), TRY(F(waitid)(P_ALL, 0, bad, WEXITED)); }
CASE(fork, both, UNREAD) { pid_t child = child_of(side, 0); TRY(F(waitpid)(child, null, 0) == child); }
CASE(fork, limit, CONNECTED) {
    struct rlimit limit = {0, 0};
    uid_t user = geteuid();
    CHECK(setrlimit(RLIMIT_NPROC, &limit) == 0 && (user != 0 || seteuid(65534) == 0));
    pid_t child = F(fork)();
    if (child == 0) ((__typeof__(&_exit))original("_exit"))(0);
    TRY(child < 0 ? -1 : 1);
    CHECK(seteuid(user) == 0);
}
static int nothing(void *argument) { return argument ? 1 : 0; }
CASE(clone, null, CONNECTED) { static char stack[9000]; TRY(F(clone)(null, stack + 8192, SIGCHLD, null)); }
CASE(clone, no_stack, CONNECTED) { TRY(F(clone)(nothing, null, SIGCHLD, null)); }
CASE(clone, invalid, CONNECTED) { static char stack[9000]; TRY(F(clone)(nothing, stack + 8192, CLONE_SIGHAND | SIGCHLD, null)); }
CASE(clone, thread_alone, CONNECTED) { static char stack[9000]; TRY(F(clone)(nothing, stack + 8192, CLONE_THREAD, null)); }
CASE(getpid, same, CONNECTED) { TRY(F(getpid)() == syscall(SYS_getpid)), TRY(F(getppid)() == syscall(SYS_getppid)); }
CASE(getppid, same, BARE) { TRY(F(getppid)() == syscall(SYS_getppid)); }

static void *start(void *argument) { return argument; }
CASE(pthread_create, no_room, CONNECTED) {
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    CHECK(pthread_attr_setstacksize(&attributes, 1UL << 46) == 0);
    TRY_CODE(F(pthread_create)(&thread, &attributes, start, null));
}

static void try_kill(struct side *side, pid_t process, int number) { TRY(F(kill)(process, number)); }
CASE(kill, invalid_signal, CONNECTED) { try_kill(side, getpid(), 65), try_kill(side, getpid(), -1), try_kill(side, -1, 99); }
CASE(kill, no_process, CONNECTED) { try_kill(side, 999999999, 0), try_kill(side, INT_MIN, 0), try_kill(side, -999999999, 0); }
CASE(kill, itself, CONNECTED) { try_kill(side, getpid(), 0), try_kill(side, getpid(), SIGPIPE); }

static void handler(int number) { (void)number; }
static void try_sigaction(struct side *side, int number, const struct sigaction *action) {
    struct sigaction old;
    memset(&old, 0x55, sizeof old);
    TRY(F(sigaction)(number, action, &old));
    say(side, "flags=%#x", old.sa_flags & ~0x4000000 /* SA_RESTORER */);
    if (old.sa_flags != 0x55555555) say(side, "handler=%s", old.sa_handler == SIG_DFL ? "default" : old.sa_handler == SIG_IGN ? "ignore" : old.sa_handler == handler ? "ours" : "?");
}
static struct sigaction action = {.sa_handler = handler}, none;

CASE(sigaction, zero, CONNECTED) { try_sigaction(side, 0, &action), try_sigaction(side, 0, null); }
CASE(sigaction, negative, CONNECTED) { try_sigaction(side, -1, &action); }
CASE(sigaction, too_large, CONNECTED) { try_sigaction(side, 65, &action), try_sigaction(side, 65, null), try_sigaction(side, 64, &action), F(sigaction)(64, &none, null); }
CASE(sigaction, kill, CONNECTED) { try_sigaction(side, SIGKILL, &action), try_sigaction(side, SIGKILL, null), try_sigaction(side, SIGSTOP, &action), try_sigaction(side, SIGKILL, null); }
CASE(sigaction, internal, CONNECTED) { try_sigaction(side, 32, &action), try_sigaction(side, 33, &action); }
CASE(sigaction, bad, CONNECTED) { TRY(F(sigaction)(SIGUSR1, bad, null)); }
CASE(sigaction, bad_old, CONNECTED) { TRY(F(sigaction)(SIGUSR1, null, bad)); }
CASE(sigaction, bad_old_set, CONNECTED) { TRY(F(sigaction)(SIGUSR1, &action, bad)); }
CASE(sigaction, sys, CONNECTED) { try_sigaction(side, SIGSYS, &action), try_sigaction(side, SIGSYS, null), F(sigaction)(SIGSYS, &none, null); }
CASE(sigaction, forth_and_back, CONNECTED) {
    struct sigaction more = {.sa_handler = handler, .sa_flags = SA_NODEFER | SA_ONSTACK | SA_RESETHAND};
    sigaddset(&more.sa_mask, SIGHUP);
    try_sigaction(side, SIGUSR2, &more), try_sigaction(side, SIGUSR2, &action), try_sigaction(side, SIGUSR2, null);
    more.sa_handler = SIG_IGN, try_sigaction(side, SIGUSR2, &more), try_sigaction(side, SIGUSR2, null);
    more.sa_handler = SIG_DFL, try_sigaction(side, SIGUSR2, &more), try_sigaction(side, SIGUSR2, null);
    F(sigaction)(SIGUSR2, &none, null);
}
CASE(sigaction, reset_hand, CONNECTED) {
    struct sigaction more = {.sa_handler = handler, .sa_flags = SA_RESETHAND};
    F(sigaction)(SIGUSR1, &more, null), raise(SIGUSR1), try_sigaction(side, SIGUSR1, null);
}

static void try_signal(struct side *side, int number, sighandler_t wanted) {
    begin_try();
    sighandler_t before = F(signal)(number, wanted);
    end_try(side, before == SIG_ERR ? -1 : before == SIG_DFL ? 0 : before == SIG_IGN ? 1 : before == handler ? 2 : 3);
}
CASE(signal, kill, CONNECTED) { try_signal(side, SIGKILL, handler), try_signal(side, SIGSTOP, SIG_IGN); }
CASE(signal, zero, CONNECTED) { try_signal(side, 0, handler), try_signal(side, -1, handler), try_signal(side, 65, handler); }
CASE(signal, internal, CONNECTED) { try_signal(side, 32, handler), try_signal(side, 33, handler); }
CASE(signal, error, CONNECTED) { try_signal(side, SIGUSR1, SIG_ERR), try_signal(side, SIGUSR1, SIG_DFL); }
CASE(signal, forth_and_back, CONNECTED) { try_signal(side, SIGUSR2, handler), try_signal(side, SIGUSR2, SIG_IGN), try_signal(side, SIGUSR2, SIG_DFL), try_signal(side, SIGUSR2, SIG_DFL); }

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
extern sighandler_t bsd_signal(int, sighandler_t);
extern sighandler_t __sysv_signal(int, sighandler_t);

/* Sets an action, and records the former action and the flags of the new one. */
#define TRY_NAME(name, number, wanted)                                                                                  \
    do {                                                                                                               \
        begin_try();                                                                                                   \
        sighandler_t before = F(name)(number, wanted);                                                                 \
        end_try(side, before == SIG_ERR ? -1 : before == handler ? 3 : (long)before);                                  \
        try_sigaction(side, number, null);                                                                             \
    } while (0)
#define TRY_NAMES(name)                                                                                                \
    F(sigaction)(SIGUSR1, &none, null);                                                                                \
    TRY_NAME(name, SIGKILL, handler);                                                                                  \
    TRY_NAME(name, 0, handler);                                                                                        \
    TRY_NAME(name, 65, handler);                                                                                       \
    TRY_NAME(name, SIGUSR1, SIG_ERR);                                                                                  \
    TRY_NAME(name, SIGUSR1, handler);                                                                                  \
    CHECK(raise(SIGUSR1) == 0);                                                                                        \
    TRY_NAME(name, SIGUSR1, SIG_IGN);                                                                                  \
    TRY_NAME(name, SIGUSR1, SIG_DFL);
CASE(bsd_signal, actions, CONNECTED) { TRY_NAMES(bsd_signal) }
CASE(ssignal, actions, CONNECTED) { TRY_NAMES(ssignal) }
CASE(sysv_signal, actions, CONNECTED) { TRY_NAMES(sysv_signal) }
CASE(__sysv_signal, actions, CONNECTED) { TRY_NAMES(__sysv_signal) }
CASE(sigset, actions, CONNECTED) { TRY_NAMES(sigset) }
CASE(sigset, hold, CONNECTED) {
    F(sigaction)(SIGUSR2, &none, null);
    TRY_NAME(sigset, SIGUSR2, SIG_HOLD);
    TRY_NAME(sigset, SIGUSR2, SIG_HOLD);
    TRY_NAME(sigset, SIGUSR2, handler);
    TRY_NAME(sigset, 0, SIG_HOLD);
    TRY_NAME(sigset, SIGUSR2, SIG_DFL);
}
CASE(sigignore, numbers, CONNECTED) { TRY(F(sigignore)(SIGKILL)), TRY(F(sigignore)(0)), TRY(F(sigignore)(65)), TRY(F(sigignore)(SIGUSR2)), try_sigaction(side, SIGUSR2, null); }
CASE(siginterrupt, numbers, CONNECTED) { TRY(F(siginterrupt)(0, 1)), TRY(F(siginterrupt)(65, 1)), TRY(F(siginterrupt)(SIGKILL, 1)); }
CASE(siginterrupt, flags, CONNECTED) {
    F(sigaction)(SIGUSR2, &none, null);
    for (int interrupt = 1; interrupt >= 0; interrupt--) {
        TRY(F(siginterrupt)(SIGUSR2, interrupt)), try_sigaction(side, SIGUSR2, null);
        try_signal(side, SIGUSR2, handler), try_sigaction(side, SIGUSR2, null);
    }
}

static sigset_t some;
CASE(sigprocmask, unknown, CONNECTED) { TRY(F(sigprocmask)(99, &some, null)), TRY(F(sigprocmask)(-1, &some, null)); }
CASE(sigprocmask, unknown_null, CONNECTED) { TRY(F(sigprocmask)(99, null, &some)); }
CASE(sigprocmask, bad, CONNECTED) { TRY(F(sigprocmask)(SIG_BLOCK, bad, null)); }
CASE(sigprocmask, bad_unblock, CONNECTED) { TRY(F(sigprocmask)(SIG_UNBLOCK, bad, null)); }
CASE(sigprocmask, bad_old, CONNECTED) { TRY(F(sigprocmask)(SIG_BLOCK, null, bad)), TRY(F(sigprocmask)(SIG_BLOCK, &some, bad)); }
CASE(sigprocmask, all, CONNECTED) {
    sigset_t all, seen, before;
    sigfillset(&all), F(sigprocmask)(SIG_SETMASK, &all, &before), F(sigprocmask)(SIG_SETMASK, &before, &seen);
    for (int i = 1; i < 65; i++) if (!sigismember(&seen, i)) say(side, "without %d", i);
}
CASE(pthread_sigmask, unknown, CONNECTED) { TRY_CODE(F(pthread_sigmask)(99, &some, null)); }
CASE(pthread_sigmask, bad, CONNECTED) { TRY_CODE(F(pthread_sigmask)(SIG_BLOCK, bad, null)); }
CASE(pthread_sigmask, bad_old, CONNECTED) { TRY_CODE(F(pthread_sigmask)(SIG_BLOCK, null, bad)); }

static char *arguments[] = {"a", NULL};
static pid_t child;
CASE(posix_spawn, missing, CONNECTED) { child = -7; TRY_CODE(F(posix_spawn)(&child, "/missing", null, null, arguments, arguments)), say(side, "child=%d", child == -7 ? -7 : child > 0); }
CASE(posix_spawn, not_executable, CONNECTED) { child = -7; TRY_CODE(F(posix_spawn)(&child, "/etc/passwd", null, null, arguments, arguments)), say(side, "child=%d", child == -7 ? -7 : child > 0); }
CASE(posix_spawn, null_path, CONNECTED) { TRY_CODE(F(posix_spawn)(&child, null, null, null, arguments, arguments)); }
CASE(posix_spawn, bad_child_missing, CONNECTED) { TRY_CODE(F(posix_spawn)(bad, "/missing", null, null, arguments, arguments)); }
CASE(posix_spawnp, missing, CONNECTED) { TRY_CODE(F(posix_spawnp)(&child, "no such program", null, null, arguments, arguments)); }
CASE(shmat, unknown, CONNECTED) { TRY_POINTER(F(shmat)(-1, null, 0)), TRY_POINTER(F(shmat)(999999999, null, 0)); }
CASE(shmat, misplaced, CONNECTED) {
    int number = shmget(IPC_PRIVATE, 4096, 0600);
    TRY_POINTER(F(shmat)(number, (void *)0x10001, 0)), TRY_POINTER(F(shmat)(number, null, SHM_REMAP)), shmctl(number, IPC_RMID, null);
}
CASE(shmdt, unknown, CONNECTED) { static char page[8192]; TRY(F(shmdt)(null)), TRY(F(shmdt)(bad)), TRY(F(shmdt)(page)); }

static cpu_set_t processors;
static struct sched_param normal = {0}, too_high = {.sched_priority = 1000};
static struct rlimit limit;
CASE(setpriority, itself, CONNECTED) { int now = getpriority(PRIO_PROCESS, 0); TRY(F(setpriority)(PRIO_PROCESS, getpid(), now)), TRY(F(setpriority)(PRIO_PROCESS, 0, now)); }
CASE(setpriority, invalid, CONNECTED) { TRY(F(setpriority)(99, 0, 0)), TRY(F(setpriority)(PRIO_PROCESS, 999999999, 0)), TRY(F(setpriority)(PRIO_PGRP, 999999999, 0)); }
CASE(prlimit, itself, CONNECTED) { TRY(F(prlimit)(getpid(), RLIMIT_CORE, null, &limit)), TRY(F(prlimit)(getpid(), RLIMIT_CORE, &limit, null)); }
CASE(prlimit, invalid, CONNECTED) { TRY(F(prlimit)(getpid(), 99, null, &limit)), TRY(F(prlimit)(999999999, RLIMIT_CORE, null, &limit)), TRY(F(prlimit)(getpid(), RLIMIT_CORE, bad, null)); }
CASE(prlimit64, itself, CONNECTED) { TRY(F(prlimit64)(getpid(), RLIMIT_CORE, null, (void *)&limit)), TRY(F(prlimit64)(0, 99, null, (void *)&limit)); }
CASE(sched_setaffinity, itself, CONNECTED) { sched_getaffinity(0, sizeof processors, &processors); TRY(F(sched_setaffinity)(getpid(), sizeof processors, &processors)); }
CASE(sched_setaffinity, invalid, CONNECTED) { cpu_set_t none; CPU_ZERO(&none); TRY(F(sched_setaffinity)(getpid(), sizeof none, &none)), TRY(F(sched_setaffinity)(999999999, sizeof processors, &processors)), TRY(F(sched_setaffinity)(0, 8, bad)); }
CASE(sched_setscheduler, itself, CONNECTED) { TRY(F(sched_setscheduler)(getpid(), SCHED_OTHER, &normal)); }
CASE(sched_setscheduler, invalid, CONNECTED) { TRY(F(sched_setscheduler)(getpid(), 99, &normal)), TRY(F(sched_setscheduler)(getpid(), SCHED_OTHER, &too_high)), TRY(F(sched_setscheduler)(-1, SCHED_OTHER, &normal)); }
CASE(sched_setparam, itself, CONNECTED) { TRY(F(sched_setparam)(getpid(), &normal)), TRY(F(sched_setparam)(getpid(), &too_high)), TRY(F(sched_setparam)(getpid(), null)); }
CASE(pthread_setaffinity_np, itself, CONNECTED) { sched_getaffinity(0, sizeof processors, &processors); TRY_CODE(F(pthread_setaffinity_np)(pthread_self(), sizeof processors, &processors)); }
CASE(pthread_setaffinity_np, invalid, CONNECTED) { cpu_set_t none; CPU_ZERO(&none); TRY_CODE(F(pthread_setaffinity_np)(pthread_self(), sizeof none, &none)), TRY_CODE(F(pthread_setaffinity_np)(pthread_self(), 8, bad)); }
CASE(pthread_setschedparam, itself, CONNECTED) { TRY_CODE(F(pthread_setschedparam)(pthread_self(), SCHED_OTHER, &normal)); }
CASE(pthread_setschedparam, invalid, CONNECTED) { TRY_CODE(F(pthread_setschedparam)(pthread_self(), 99, &normal)), TRY_CODE(F(pthread_setschedparam)(pthread_self(), SCHED_OTHER, &too_high)); }

#define PATHS(name, call_of)                                                                           \
    NAMED_CASE(name##_missing, #name "/missing", CONNECTED) { const char *path = "/missing/file"; TRY(call_of); }   \
    NAMED_CASE(name##_empty, #name "/empty", CONNECTED) { const char *path = ""; TRY(call_of); }       \
    NAMED_CASE(name##_null, #name "/null", CONNECTED) { const char *path = null; TRY(call_of); }       \
    NAMED_CASE(name##_bad, #name "/bad", CONNECTED) { const char *path = bad; TRY(call_of); }          \
    NAMED_CASE(name##_long, #name "/long", CONNECTED) {                                                \
        static char path[5000];                                                                        \
        memset(path, 'a', sizeof path - 1);                                                            \
        TRY(call_of);                                                                                  \
    }
PATHS(chmod, F(chmod)(path, 0600))
PATHS(fchmodat, F(fchmodat)(AT_FDCWD, path, 0600, 0))
PATHS(chown, F(chown)(path, -1, -1))
PATHS(lchown, F(lchown)(path, -1, -1))
PATHS(fchownat, F(fchownat)(AT_FDCWD, path, -1, -1, 0))
PATHS(unlink, F(unlink)(path))
PATHS(unlinkat, F(unlinkat)(AT_FDCWD, path, 0))
PATHS(open, F(open)(path, O_RDONLY))
PATHS(open64, F(open64)(path, O_RDONLY))
PATHS(openat, F(openat)(AT_FDCWD, path, O_RDONLY))
PATHS(openat64, F(openat64)(AT_FDCWD, path, O_RDONLY))
int __open_2(const char *, int), __open64_2(const char *, int);
PATHS(__open_2, F(__open_2)(path, O_RDONLY))
PATHS(__open64_2, F(__open64_2)(path, O_RDONLY))
CASE(fchmodat, flags, CONNECTED) { TRY(F(fchmodat)(AT_FDCWD, "/missing", 0600, 0x9999)), TRY(F(fchmodat)(CLOSED, "a", 0600, 0)); }
CASE(fchownat, flags, CONNECTED) { TRY(F(fchownat)(AT_FDCWD, "/missing", 0, 0, 0x9999)), TRY(F(fchownat)(CLOSED, "a", 0, 0, 0)); }
CASE(unlinkat, flags, CONNECTED) { TRY(F(unlinkat)(AT_FDCWD, "/missing", 0x9999)), TRY(F(unlinkat)(CLOSED, "a", 0)), TRY(F(unlinkat)(side->fd, "a", 0)); }
CASE(open, directory, CONNECTED) { TRY(F(open)("/etc/passwd", O_DIRECTORY)), TRY(F(open)("/", O_RDWR)), TRY(F(open)("/etc/passwd/a", O_RDONLY)), TRY(F(open)("/etc/passwd", O_CREAT | O_EXCL, 0600)); }
CASE(openat, connection, CONNECTED) { TRY(F(openat)(side->fd, "a", O_RDONLY)), TRY(F(openat)(CLOSED, "a", O_RDONLY)); }

/* The same calls by system call number. */
#define NUMBERED(name, ...)                                                                            \
    NAMED_CASE(syscall_##name, "syscall/" #name, UNREAD) { TRY(F(syscall)(__VA_ARGS__)); }
NUMBERED(unknown, 9999)
NUMBERED(negative, -1)
NUMBERED(read_bad, SYS_read, side->fd, bad, 4)
NUMBERED(read_zero, SYS_read, side->fd, null, 0)
NUMBERED(read_closed, SYS_read, CLOSED, null, 4)
NUMBERED(readv_negative, SYS_readv, side->fd, null, -1)
NUMBERED(recvfrom_bad, SYS_recvfrom, side->fd, bad, 4, 0, null, null)
NUMBERED(recvmsg_null, SYS_recvmsg, side->fd, null, 0)
NUMBERED(write_bad, SYS_write, side->fd, bad, 4)
NUMBERED(writev_negative, SYS_writev, side->fd, null, -1)
NUMBERED(sendmsg_null, SYS_sendmsg, side->fd, null, 0)
NUMBERED(ppoll_invalid, SYS_ppoll, null, 0, (long[]){0, 1000000000}, null, 8)
NUMBERED(ppoll_bad_limit, SYS_ppoll, null, 0, bad, null, 8)
NUMBERED(ppoll_mask_size, SYS_ppoll, null, 0, (long[]){0, 1000}, &some, 3)
NUMBERED(epoll_pwait_mask_size, SYS_epoll_pwait, epoll_create1(0), null, 1, 20, &some, 3)
NUMBERED(epoll_ctl_unknown, SYS_epoll_ctl, epoll_create1(0), 99, side->fd, null)
NUMBERED(accept_closed, SYS_accept, CLOSED, null, null)
NUMBERED(accept4_unknown, SYS_accept4, side->listener, null, null, 0x10)
NUMBERED(getsockname_null, SYS_getsockname, side->fd, null, null)
NUMBERED(getsockopt_null, SYS_getsockopt, side->fd, SOL_SOCKET, SO_TYPE, null, null)
NUMBERED(shutdown_unknown, SYS_shutdown, side->fd, 99)
NUMBERED(close_closed, SYS_close, CLOSED)
NUMBERED(dup3_itself, SYS_dup3, side->fd, side->fd, 0)
NUMBERED(fcntl_unknown, SYS_fcntl, side->fd, 9999)
NUMBERED(ioctl_bad, SYS_ioctl, side->fd, FIONREAD, bad)
NUMBERED(clock_gettime_unknown, SYS_clock_gettime, 99, &some)
NUMBERED(clock_gettime_bad, SYS_clock_gettime, CLOCK_REALTIME, bad)
NUMBERED(nanosleep_bad, SYS_nanosleep, bad, null)
NUMBERED(clock_nanosleep_bad, SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, bad, null)
NUMBERED(getrandom_bad, SYS_getrandom, bad, 8, 0)
NUMBERED(getrandom_flags, SYS_getrandom, &some, 8, 0x99)
NUMBERED(sigaction_size, SYS_rt_sigaction, SIGUSR1, null, null, 3)
NUMBERED(sigprocmask_size, SYS_rt_sigprocmask, SIG_BLOCK, &some, null, 3)
NUMBERED(sigprocmask_bad, SYS_rt_sigprocmask, SIG_BLOCK, bad, null, 8)
NUMBERED(futex_bad, SYS_futex, bad, 0, 0, null, null, 0)
NUMBERED(wait4_none, SYS_wait4, -1, null, 0, null)
NUMBERED(io_uring, SYS_io_uring_setup, 1, null)
NUMBERED(openat_null, SYS_openat, AT_FDCWD, null, O_RDONLY)
#ifdef SYS_poll /* not on newer architectures */
NUMBERED(poll_bad, SYS_poll, bad, 1, 20)
NUMBERED(select_negative, SYS_select, -1, null, null, null, null)
NUMBERED(select_bad_limit, SYS_select, 0, null, null, null, bad)
NUMBERED(epoll_wait_no_room, SYS_epoll_wait, epoll_create1(0), null, 0, 20)
#endif
