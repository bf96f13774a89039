/* Starts programs for every connection by fork, vfork, posix_spawn, popen and system, and reads their output, if any.
   After posix_spawn, the server waits for the output in epoll, with nothing else to do. */
#include "target.h"
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;
static char *const slow[] = {"/bin/sh", "-c", "sleep 0.02; echo ok", NULL};

static void read_ok(int fd) {
    char bytes[8] = "";
    CHECK(read(fd, bytes, 3) == 3 && !strcmp(bytes, "ok\n"));
    close(fd);
}

static void wait_for(pid_t child) {
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void by_fork(void) {
    int out[2];
    CHECK(pipe2(out, O_CLOEXEC) == 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(out[1], 1);
        execv(slow[0], slow);
        _exit(1);
    }
    close(out[1]);
    read_ok(out[0]);
    wait_for(child);
}

static void by_vfork(void) {
    pid_t child = vfork();
    if (child == 0) {
        execl("/bin/true", "true", NULL);
        _exit(1);
    }
    wait_for(child);
}

static void by_posix_spawn(void) {
    int out[2], epoll = epoll_create1(EPOLL_CLOEXEC);
    pid_t child;
    posix_spawn_file_actions_t actions;
    struct epoll_event event = {.events = EPOLLIN};
    CHECK(pipe2(out, O_CLOEXEC) == 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, out[0], &event) == 0);
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    CHECK(posix_spawn_file_actions_adddup2(&actions, out[1], 1) == 0);
    CHECK(posix_spawn(&child, slow[0], &actions, NULL, slow, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
    read_ok(out[0]);
    close(epoll);
    wait_for(child);
}

static void by_popen(void) {
    char line[8] = "";
    FILE *program = popen("echo ok", "r");
    CHECK(program && fgets(line, sizeof line, program) && !strcmp(line, "ok\n"));
    CHECK(pclose(program) == 0);
}

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        by_fork();
        by_vfork();
        by_posix_spawn();
        by_popen();
        CHECK(system("true") == 0);
        serve(fd);
    }
}
