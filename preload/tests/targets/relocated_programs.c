/* Starts programs by paths that do not exist; they find files by such paths, too. If privileged, changes the root
   directory of a child, whose paths then begin there. */
#include "relocated.h"
#include <spawn.h>
#include <sys/wait.h>

#define PROGRAM SERVER "/bin/program"

extern char **environ;
static char *arguments[] = {"program", "a", "b", "c", "d", "e", "f", NULL};

/* The program exits with the number of its arguments if it finds the file. */
static void wait_for(pid_t child) {
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 6);
}

#define IN_CHILD(call)                \
    do {                              \
        pid_t child = fork();         \
        if (child == 0) call, _exit(99); \
        wait_for(child);              \
    } while (0)

static void execute(void) {
    IN_CHILD(execv(PROGRAM, arguments));
    IN_CHILD(execve(PROGRAM, arguments, environ));
    IN_CHILD(execvp(PROGRAM, arguments));
    IN_CHILD(execvpe(PROGRAM, arguments, environ));
    IN_CHILD(execl(PROGRAM, "program", "a", "b", "c", "d", "e", "f", NULL));
    IN_CHILD(execlp(PROGRAM, "program", "a", "b", "c", "d", "e", "f", NULL));
    IN_CHILD(execle(PROGRAM, "program", "a", "b", "c", "d", "e", "f", NULL, environ));
    CHECK(execl(SERVER "/missing", "program", "a", "b", "c", "d", "e", "f", NULL) < 0 && errno == ENOENT);
}

static void spawn(void) {
    pid_t child;
    posix_spawn_file_actions_t actions;
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    CHECK(posix_spawn_file_actions_addopen(&actions, 9, SERVER "/www/file", O_RDONLY, 0) == 0);
    CHECK(posix_spawn_file_actions_addchdir_np(&actions, SERVER "/www") == 0);
    CHECK(posix_spawn(&child, PROGRAM, &actions, NULL, arguments, environ) == 0);
    wait_for(child);
    CHECK(posix_spawnp(&child, PROGRAM, &actions, NULL, arguments, environ) == 0);
    wait_for(child);
    CHECK(posix_spawn(&child, SERVER "/missing", NULL, NULL, arguments, environ) == ENOENT);
    CHECK(posix_spawn_file_actions_destroy(&actions) == 0);
}

static void change_root(void) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        CHECK(chroot("/") < 0 || access(SERVER "/www/file", F_OK) == 0);
        CHECK(chroot(SERVER) < 0 || (access("/www/file", F_OK) == 0 && access(SERVER, F_OK) < 0));
        _exit(0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        execute();
        spawn();
        change_root();
        serve(fd);
    }
}
