/* Sees its own paths in what libc returns: the working directory, resolved paths, and results of patterns. Paths that are
   too long are refused. */
#include "relocated.h"
#include <glob.h>
#include <limits.h>
#include <sys/stat.h>

char *__getcwd_chk(char *, size_t, size_t), *__realpath_chk(const char *, char *, size_t);

static void use_working_directory(void) {
    char path[PATH_MAX], *allocated;
    struct stat status;
    CHECK(chdir(SERVER "/www") == 0);
    CHECK(getcwd(path, sizeof path) == path && !strcmp(path, SERVER "/www"));
    CHECK(getcwd(path, strlen(path) + 1) == path && !getcwd(path, strlen(path)) && errno == ERANGE);
    CHECK(!getcwd(path, 0) && errno == EINVAL);
    CHECK((allocated = getcwd(NULL, 0)) && !strcmp(allocated, SERVER "/www")); free(allocated);
    CHECK((allocated = getcwd(NULL, 99)) && !strcmp(allocated, SERVER "/www")); free(allocated);
    CHECK(!getcwd(NULL, 3) && errno == ERANGE);
    CHECK((allocated = get_current_dir_name()) && !strcmp(allocated, SERVER "/www")); free(allocated);
    CHECK(__getcwd_chk(path, sizeof path, sizeof path) && !strcmp(path, SERVER "/www"));
    CHECK(stat("file", &status) == 0 && stat("../www/file", &status) == 0); /* relative paths */
    CHECK(chdir("/") == 0 && getcwd(path, sizeof path) && !strcmp(path, "/"));
}

static void resolve_names(void) {
    char path[PATH_MAX], *allocated;
    CHECK(realpath(SERVER "/www/../www//link", path) == path && !strcmp(path, SERVER "/www/file"));
    CHECK((allocated = realpath(SERVER, NULL)) && !strcmp(allocated, SERVER)); free(allocated);
    CHECK((allocated = canonicalize_file_name(SERVER "/www/link")) && !strcmp(allocated, SERVER "/www/file")); free(allocated);
    CHECK(__realpath_chk(SERVER "/www", path, sizeof path) && !strcmp(path, SERVER "/www"));
    CHECK(!realpath(SERVER "/missing", path) && errno == ENOENT);
    CHECK(realpath("/etc/passwd", path) && !strcmp(path, "/etc/passwd"));
    CHECK(readlinkat(2, SERVER "/www/link", path, sizeof path) == 4 && !memcmp(path, "file", 4));
    CHECK(readlink("/proc/self/exe", path, sizeof path) > 0);
}

static void match_patterns(void) {
    glob_t found = {0};
    CHECK(glob(SERVER "/www/*", 0, NULL, &found) == 0 && found.gl_pathc == 2);
    CHECK(!strcmp(found.gl_pathv[0], SERVER "/www/file") && !strcmp(found.gl_pathv[1], SERVER "/www/link"));
    CHECK(glob(SERVER "/w?w", GLOB_APPEND | GLOB_MARK, NULL, &found) == 0 && found.gl_pathc == 3);
    CHECK(!strcmp(found.gl_pathv[2], SERVER "/www/"));
    CHECK(glob(SERVER "/www/file", GLOB_APPEND, NULL, &found) == 0 && found.gl_pathc == 4);
    CHECK(glob("/etc/pass[w]d", GLOB_APPEND, NULL, &found) == 0 && !strcmp(found.gl_pathv[4], "/etc/passwd"));
    CHECK(glob(SERVER "/missing/*", 0, NULL, &found) == GLOB_NOMATCH && glob("/nonexistent/*", 0, NULL, &found) == GLOB_NOMATCH);
    globfree(&found);
}

/* Paths that would fit, were it not for the longer new directory. */
static void exceed_the_limit(void) {
    char path[PATH_MAX] = SERVER "/";
    memset(path + strlen(path), '/', sizeof path - strlen(path) - 2);
    path[sizeof path - 2] = '.';
    CHECK(open(path, O_RDONLY) < 0 && errno == ENAMETOOLONG && access(path, F_OK) < 0 && errno == ENAMETOOLONG);
    CHECK(!fopen(path, "r") && errno == ENAMETOOLONG && rename("/etc/a", path) < 0 && errno == ENAMETOOLONG);
}

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        use_working_directory();
        resolve_names();
        match_patterns();
        exceed_the_limit();
        serve(accept(listener, NULL, NULL));
    }
}
