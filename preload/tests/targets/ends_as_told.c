/* Ends as the request says: "GET /NUMBER/ENDING". It records the ending in advance, in byte NUMBER of the file
   TARGET_RECORD: the number of a signal, 1 for an exit, 2 for an answer, 3 for an endless loop. */
#include "target.h"
#include <sys/mman.h>
#include <sys/wait.h>

enum { EXIT = 1, ANSWER = 2, HANG = 3, RECORDS = 1 << 20 };

static volatile unsigned char *record;
static int number, connection, answered;
static volatile pid_t *orphan;

static void write_down(int what) {
    if (record) record[number % RECORDS] = what;
}

static __attribute__((noreturn)) void crash(void) {
    write_down(SIGSEGV);
    *(volatile int *)0 = 1;
    _exit(99);
}

static __attribute__((noreturn)) void crash_aborting(void) {
    write_down(SIGABRT);
    abort();
}

static void *crash_in_thread(void *unused) {
    (void)unused;
    crash();
}

static void *crash_late_in_thread(void *unused) {
    usleep(20000);
    crash();
    return unused;
}

/* Waits until the last byte of the file is set, by sleeps that are too long to belong to an iteration. */
static void await_trigger(void) {
    while (!record[RECORDS - 1]) usleep(60000);
}

static void *crash_when_triggered(void *unused) {
    (void)unused;
    await_trigger();
    *(volatile int *)0 = 1;
    return NULL;
}

static void *exit_when_triggered(void *unused) {
    (void)unused;
    await_trigger();
    exit(0);
}

static void exit_in_handler(int signal) {
    (void)signal;
    write_down(EXIT);
    _exit(0);
}

static void start_thread(void *(*start)(void *)) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, start, NULL) == 0);
    CHECK(pthread_detach(thread) == 0);
}

static pid_t fork_one(void) {
    pid_t child = fork();
    CHECK(child >= 0);
    return child;
}

/* Records the answer, then sends it. The crash of a child may be recorded before or after. */
static void answer(const char *ending) {
    unsigned char nothing = 0; /* the record of a crash is kept */
    if (record)
        __atomic_compare_exchange_n(&record[number % RECORDS], &nothing, ANSWER, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    respond(connection, "%s\n", ending);
    close(connection);
    answered = 1;
}

static void end(const char *ending) {
#define IS(name) (!strcmp(ending, name))
    if (IS("crash")) crash();
    if (IS("abort")) crash_aborting();
    if (IS("exit0") || IS("exit1")) {
        write_down(EXIT);
        exit(ending[4] - '0');
    }
    if (IS("_exit0") || IS("_exit1")) {
        write_down(EXIT);
        _exit(ending[5] - '0');
    }
    if (IS("quick_exit0")) {
        write_down(EXIT);
        quick_exit(0);
    }
    if (IS("exit_in_segv_handler")) {
        signal(SIGSEGV, exit_in_handler);
        crash();
    }
    if (IS("exit_in_abort_handler")) {
        signal(SIGABRT, exit_in_handler);
        crash_aborting();
    }
    if (IS("exit_after_answer")) {
        answer(ending);
        write_down(EXIT);
        exit(0);
    }
    if (IS("replace_program")) {
        write_down(EXIT);
        execl("/proc/self/exe", "ends_as_told", NULL);
    }
    if (IS("group")) {
        write_down(SIGTERM);
        kill(0, SIGTERM);
        pause();
    }
    if (IS("hang")) {
        write_down(HANG);
        for (;;) {}
    }
    if (IS("thread")) {
        start_thread(crash_in_thread);
        pause();
    }
    if (IS("late_thread")) {
        answer(ending);
        start_thread(crash_late_in_thread);
    }
    if (IS("crash_when_triggered")) start_thread(crash_when_triggered);
    if (IS("exit_when_triggered")) start_thread(exit_when_triggered);
    if (IS("child")) {
        pid_t child = fork_one();
        if (child == 0) crash();
        CHECK(waitpid(child, NULL, 0) == child || errno == ECHILD);
    }
    if (IS("child_not_awaited")) {
        if (fork_one() == 0) crash();
    }
    if (IS("late_child")) {
        answer(ending);
        if (fork_one() == 0) {
            usleep(20000);
            crash();
        }
    }
    if (IS("grandchild") || IS("late_grandchild")) {
        pid_t child = fork_one();
        if (child == 0) {
            if (fork_one() > 0) _exit(0);
            if (ending[0] == 'l') usleep(20000);
            crash();
        }
        CHECK(waitpid(child, NULL, 0) == child || errno == ECHILD);
        CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD); /* there is no other child */
    }
    if (IS("orphan_exits")) {
        answer(ending);
        pid_t child = fork_one();
        if (child == 0) {
            if (fork_one() > 0) _exit(0);
            *orphan = getpid();
            usleep(5000);
            _exit(0);
        }
        CHECK(waitpid(child, NULL, 0) == child || errno == ECHILD);
    }
    if (IS("child_exits")) {
        pid_t child = fork_one();
        if (child == 0) _exit(1);
        CHECK(waitpid(child, NULL, 0) == child || errno == ECHILD);
    }
}

static void told(int signal) { (void)signal; }

/* Reaps all children that have ended. The orphan must not be one of them. */
static void reap(int signal) {
    (void)signal;
    int saved = errno;
    pid_t ended;
    while ((ended = waitpid(-1, NULL, WNOHANG)) > 0)
        if (ended == *orphan) _exit(71);
    errno = saved;
}

int main(void) {
    const char *file = getenv("TARGET_RECORD"), *children = getenv("TARGET_SIGCHLD");
    if (file) {
        int fd = open(file, O_RDWR);
        CHECK(fd >= 0);
        record = mmap(NULL, RECORDS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        CHECK(record != MAP_FAILED);
        close(fd);
    }
    orphan = mmap(NULL, sizeof *orphan, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(orphan != MAP_FAILED);
    if (children) {
        struct sigaction action = {.sa_handler = SIG_IGN};
        if (!strcmp(children, "reaped")) action = (struct sigaction){.sa_handler = reap, .sa_flags = SA_RESTART};
        if (!strcmp(children, "no_wait")) action = (struct sigaction){.sa_handler = told, .sa_flags = SA_NOCLDWAIT};
        CHECK(sigaction(SIGCHLD, &action, NULL) == 0);
        struct sigaction shown;
        CHECK(sigaction(SIGCHLD, NULL, &shown) == 0);
        CHECK(shown.sa_handler == action.sa_handler);
        CHECK((shown.sa_flags & SA_NOCLDWAIT) == (action.sa_flags & SA_NOCLDWAIT));
    }
    int listener = listen_on(8101);
    for (;;) {
        char request[256], ending[64] = "";
        connection = accept(listener, NULL, NULL);
        if (connection < 0 && errno == EINTR) continue;
        CHECK(connection >= 0);
        ssize_t len = read(connection, request, sizeof request - 1);
        request[len > 0 ? len : 0] = 0;
        answered = 0;
        if (sscanf(request, "GET /%d/%63[a-z0-9_]", &number, ending) == 2) end(ending);
        else if (getenv("TARGET_FRAGILE")) abort();
        if (!answered) answer(ending);
        if (strstr(ending, "return")) return 0;
    }
}
