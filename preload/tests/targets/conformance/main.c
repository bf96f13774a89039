/* Makes calls with the errors that their manual pages name, for every function that the preload may interpose, on the
   internal connection and on a real one. CONFORMANCE_CASE selects the case; without it, the names of all cases are
   written. The result is one line in the file that TARGET_LOG names: case, real, internal, separated by tabs. With
   CONFORMANCE_SELF, the program is its own client, and both connections are real. */

#include "conformance.h"

#include <dlfcn.h>
#include <setjmp.h>

extern const struct test __start_cases[], __stop_cases[];

void *volatile bad = (void *)8, *volatile null;
volatile size_t huge = SIZE_MAX;

static sigjmp_buf landing;
static volatile sig_atomic_t trying, alarms, broken_pipes;
static int feed_fd = -1;

/* Interval of the alarm: longer than a call that does not wait takes on a busy machine. */
enum { PATIENCE_US = 250000 };

void *original(const char *name) {
    static void *libc;
    if (!libc) libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    CHECK(libc);
    void *function = dlsym(libc, name);
    CHECK(function);
    return function;
}

void say(struct side *side, const char *format, ...) {
    size_t len = strlen(side->seen);
    va_list arguments;
    va_start(arguments, format);
    if (len > 0 && len < sizeof side->seen - 2) side->seen[len++] = ' ';
    vsnprintf(side->seen + len, sizeof side->seen - len, format, arguments);
    va_end(arguments);
}

void say_bytes(struct side *side, const char *bytes, long count) {
    char text[64] = "";
    for (long i = 0; i < count && i < 60; i++) text[i] = bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : '.';
    say(side, "'%s'", text);
}

static void on_alarm(int number) {
    (void)number;
    if (trying && alarms++ > 0) siglongjmp(landing, SIGALRM);
}

static void on_fault(int number) {
    if (trying) siglongjmp(landing, number);
    signal(number, SIG_DFL); /* the fault occurs again at once */
}

static void on_broken_pipe(int number) {
    (void)number;
    broken_pipes++;
}

static void set_timer(long microseconds) {
    struct itimerval timer = {{0, microseconds}, {0, microseconds}};
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

void begin_try(void) {
    alarms = 0;
    trying++; /* one TRY may be an argument of another */
    set_timer(PATIENCE_US);
    errno = 0;
}

static void after_try(struct side *side) {
    set_timer(--trying > 0 ? PATIENCE_US : 0);
    if (alarms > 0) say(side, "blocked");
    if (broken_pipes > 0) say(side, "SIGPIPE");
    broken_pipes = 0;
}

void end_try(struct side *side, long result) {
    int error = errno;
    if (result < 0) {
        say(side, "%ld %s", result, error ? strerrorname_np(error) : "0");
    } else {
        say(side, "%ld", result);
    }
    after_try(side);
}

int end_try_fd(struct side *side, int result) {
    if (result < 0) {
        end_try(side, result);
    } else {
        say(side, "fd");
        after_try(side);
        say(side, "fd-flags=%d", F(fcntl)(result, F_GETFD));
    }
    return result;
}

void end_try_pointer(struct side *side, void *result) {
    if (result && result != (void *)-1) {
        say(side, "pointer");
        after_try(side);
    } else {
        end_try(side, result ? -1 : -2);
    }
}

void end_try_code(struct side *side, int result) {
    const char *name = strerrorname_np(result);
    say(side, "%s", name ? name : "?");
    after_try(side);
}

void say_readiness(struct side *side, int fd) {
    struct pollfd entry = {.fd = fd, .events = POLLIN | POLLPRI | POLLOUT | POLLRDHUP | POLLRDNORM | POLLWRNORM};
    if (F(poll)(&entry, 1, 0) < 0) {
        say(side, "poll=%s", strerrorname_np(errno));
        return;
    }
    const struct {
        short bit;
        const char *name;
    } names[] = {{POLLIN, "IN"},     {POLLPRI, "PRI"}, {POLLOUT, "OUT"},   {POLLRDHUP, "RDHUP"},
                 {POLLHUP, "HUP"},   {POLLERR, "ERR"}, {POLLNVAL, "NVAL"}, {POLLRDNORM, "RDNORM"},
                 {POLLWRNORM, "WRNORM"}};
    char text[128] = "";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (entry.revents & names[i].bit) {
            strcat(text, "|");
            strcat(text, names[i].name);
        }
    }
    say(side, "ready=%s", text[0] ? text + 1 : "-");
}

/* Records the state of the connection after the call. */
static void say_state(struct side *side) {
    int unread = -1;
    say(side, ";");
    begin_try();
    if (side->fd >= 0) {
        int result = F(ioctl)(side->fd, FIONREAD, &unread);
        if (result < 0) say(side, "unread=%s", strerrorname_np(errno));
        else say(side, "unread=%d", unread);
        say(side, "mode=%#x", F(fcntl)(side->fd, F_GETFL));
        say_readiness(side, side->fd);
    } else {
        say(side, "listener");
        say_readiness(side, side->listener);
    }
    after_try(side);
}

static void await(struct side *side, int fd, short events, int limit) {
    struct pollfd entry = {.fd = fd, .events = events};
    F(poll)(&entry, 1, limit);
}

void feed(struct side *side, const char *bytes) {
    int to = side->client >= 0 ? side->client : feed_fd;
    ssize_t len = strlen(bytes);
    CHECK(((__typeof__(&write))original("write"))(to, bytes, len) == len);
    if (side->fd >= 0) await(side, side->fd, POLLIN, 5000);
}

char *before_the_edge(size_t count) {
    size_t page = sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED && mprotect(pages + page, page, PROT_NONE) == 0);
    return pages + page - count;
}

int pipe_end(int which) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    return ends[which];
}

int file_of(const char *content) {
    int fd = memfd_create("file", 0);
    ssize_t len = strlen(content);
    CHECK(fd >= 0 && ((__typeof__(&write))original("write"))(fd, content, len) == len && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static int make_listener(struct side *side, int port) {
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(fd >= 0 && F(setsockopt)(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
    CHECK(F(bind)(fd, (struct sockaddr *)&address, sizeof address) == 0 && F(listen)(fd, 16) == 0);
    return fd;
}

static void connect_to(struct side *side) {
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    CHECK(F(getsockname)(side->listener, (struct sockaddr *)&address, &len) == 0);
    side->client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(F(connect)(side->client, (struct sockaddr *)&address, sizeof address) == 0);
}

static void end_client(struct side *side, bool at_once) {
    if (side->client >= 0) {
        if (!at_once) CHECK(F(shutdown)(side->client, SHUT_WR) == 0);
        if (at_once) CHECK(F(close)(side->client) == 0);
    } else {
        ((__typeof__(&close))original("close"))(feed_fd);
    }
    await(side, side->fd, POLLRDHUP, 5000);
    /* The internal client hangs up only after its linger time. */
    if (at_once) await(side, side->fd, POLLHUP, 200);
}

/* Brings a side into its state. `port` is that of the listener; the internal client connects by itself. */
static void prepare(struct side *side, unsigned state, int port, bool connects) {
    if (state & BARE) return;
    side->listener = make_listener(side, port);
    if (connects) connect_to(side);
    if (state & PENDING) {
        await(side, side->listener, POLLIN, 5000);
    } else {
        side->fd = F(accept)(side->listener, NULL, NULL);
        CHECK(side->fd >= 0);
        if (state & UNREAD) feed(side, "hello");
        if (state & (HALF_CLOSED | GONE)) end_client(side, state & GONE);
        if (state & NONBLOCKING) CHECK(F(fcntl)(side->fd, F_SETFL, O_RDWR | O_NONBLOCK) == 0);
    }
    if (state & IMPATIENT) CHECK(F(fcntl)(side->listener, F_SETFL, O_RDWR | O_NONBLOCK) == 0);
}

static void run(const struct test *test, struct side *side) {
    int fell = sigsetjmp(landing, 1);
    if (fell == 0) test->run(side);
    else set_timer(0);
    if (fell == SIGALRM) say(side, "stuck");
    if (fell != 0 && fell != SIGALRM) say(side, "SIG%s", sigabbrev_np(fell));
    trying = 0;
    if (test->state & BARE) return;
    int fell_again = sigsetjmp(landing, 1);
    if (fell_again == 0) say_state(side);
    else say(side, "SIG%s", sigabbrev_np(fell_again));
    set_timer(0);
    trying = 0;
}

static void write_line(const char *a, const char *b) {
    const char *name = getenv("TARGET_LOG");
    __typeof__(&write) put = original("write");
    char text[4096];
    int len = snprintf(text, sizeof text, "%s%s", a, b);
    int fd = name ? ((__typeof__(&open))original("open"))(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : 2;
    CHECK(fd >= 0 && put(fd, text, len) == len);
    if (name) ((__typeof__(&close))original("close"))(fd);
}

static void handle(int number, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler};
    CHECK(sigaction(number, &action, NULL) == 0);
}

/* Opens the other end of the preload's input; under the preload, stdin of the program is /dev/null. */
static void find_feed(void) {
    const char *kept = getenv("SOCKFUZZ_STDIO");
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", kept ? atoi(kept) : 0);
    feed_fd = open(path, O_WRONLY | O_CLOEXEC);
    CHECK(feed_fd >= 0); /* the input must be a pipe */
}

int main(void) {
    const char *wanted = getenv("CONFORMANCE_CASE"), *self = getenv("CONFORMANCE_SELF");
    const struct test *test = __start_cases;
    for (; test != __stop_cases && (!wanted || strcmp(test->name, wanted)); test++) {
        if (!wanted) write_line(test->name, "\n");
    }
    if (!wanted) return 0;
    CHECK(test != __stop_cases);

    handle(SIGALRM, on_alarm);
    handle(SIGPIPE, on_broken_pipe);
    handle(SIGSEGV, on_fault);
    handle(SIGBUS, on_fault);
    if (!self) find_feed();

    static struct side real = {false, -1, -1, -1, ""}, internal = {true, -1, -1, -1, ""};
    /* The preload takes over the first listener. */
    prepare(&internal, test->state, self ? 0 : 8101, self);
    prepare(&real, test->state, 0, true);
    write_line(test->name, "\t");
    run(test, &real);
    write_line(real.seen, "\t");
    run(test, &internal);
    write_line(internal.seen, "\n");
    ((__typeof__(&_exit))original("_exit"))(0);
}
