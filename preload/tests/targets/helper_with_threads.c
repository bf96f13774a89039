/* Keeps two helper processes beside the listener, as a server does whose private key is in a process of its own. Each
   accepts at a socket of its own and has a thread for each connection; the second one has a thread before, but has closed
   the listener. The server asks both for every answer. */
#include "target.h"
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/un.h>

static void *repeat(void *connection) {
    int fd = (int)(long)connection;
    char byte;
    while (read(fd, &byte, 1) == 1) write_all(fd, &byte, 1);
    close(fd);
    return NULL;
}

static void *wait_for_nothing(void *unused) {
    for (;;) pause();
    return unused;
}

static void begin_thread(void *(*start)(void *), long argument) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, start, (void *)argument) == 0);
    pthread_detach(thread);
}

static void help(int socket) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        long fd = accept(socket, NULL, NULL);
        if (fd >= 0) begin_thread(repeat, fd);
    }
}

/* Creates a helper, and returns a connection to it. */
static int create_helper(int listener, int closes_listener) {
    int own = socket(AF_UNIX, SOCK_STREAM, 0), connection = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    /* An abstract name, which the kernel chooses. */
    socklen_t len = offsetof(struct sockaddr_un, sun_path);
    CHECK(bind(own, (struct sockaddr *)&address, len) == 0);
    CHECK(listen(own, 16) == 0);
    len = sizeof address;
    CHECK(getsockname(own, (struct sockaddr *)&address, &len) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (closes_listener) {
            close(listener);
            begin_thread(wait_for_nothing, 0);
        }
        help(own);
    }
    CHECK(connect(connection, (struct sockaddr *)&address, len) == 0);
    return connection;
}

/* Asks a helper, which repeats the byte. */
static void ask(int helper) {
    char byte = 'a';
    write_all(helper, &byte, 1);
    byte = 0;
    CHECK(read(helper, &byte, 1) == 1 && byte == 'a');
}

int main(void) {
    int listener = listen_on(8101);
    int helpers[] = {create_helper(listener, 0), create_helper(listener, 1)};
    ask(helpers[0]);
    ask(helpers[1]);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        ask(helpers[0]);
        ask(helpers[1]);
        serve(fd);
    }
}
