// A server that turns on its machine. What it attacks is given on its command line, so that a mutated
// request cannot choose; the request's first letter says how. The answer is what came of it.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef IN_THE_LOOP
// Linked with AFL++'s runtime. A letter more is what there is to discover.
extern unsigned char *__afl_area_ptr;
static void cover(unsigned char letter) { __afl_area_ptr[1 + letter]++; }
#else
static void cover(unsigned char letter) { (void)letter; }
#endif

static const char *victim;
static int port, pid;

static int write_to(const char *directory, const char *name, int flags, off_t offset) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  int file = open(path, flags | O_WRONLY, 0600);
  if (file < 0) return -1;
  int result = pwrite(file, "x", 1, offset) == 1 ? 0 : -1, error = errno;
  close(file);
  errno = error;
  return result;
}

static int connect_outside(void) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int connection = socket(AF_INET, SOCK_STREAM, 0);
  int result = connect(connection, (struct sockaddr *)&address, sizeof address), error = errno;
  close(connection);
  errno = error;
  return result;
}

static int attack(char letter) {
  char file[4096], command[8192];
  const char *temporary = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
  struct stat null;
  snprintf(file, sizeof file, "%s/file", victim);
  switch (letter) {
    case 'a': return write_to(victim, "new", O_CREAT, 0);
    case 'b': return write_to(victim, "file", O_TRUNC, 0);
    case 'c': return unlink(file);
    case 'd': return rename(file, "/tmp/renamed");
    case 'e': return chmod(file, 0);
    case 'f': return chown(file, getuid(), getgid());
    case 'g': return stat("/dev/null", &null) || chmod("/dev/null", null.st_mode & 07777);
    case 'h': return connect_outside();
    case 'i': return kill(pid, SIGKILL);
    case 'j': return write_to(temporary, "big", O_CREAT, (off_t)2 << 30);
    case 'k':
      snprintf(command, sizeof command, "echo > '%s/new' 2> /dev/null", victim);
      errno = EROFS;
      return system(command);
    case 'l': return write_to(temporary, "small", O_CREAT, 0);
    default: return 0;
  }
}

int main(int count, char **words) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (count != 4) return 2;
  victim = words[1], port = atoi(words[2]), pid = atoi(words[3]);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) return 1;
  for (;;) {
    char letter = 0, answer[128];
    int connection = accept(listener, NULL, NULL);
    if (connection < 0) return 1;
    if (read(connection, &letter, 1) == 1) {
      cover(letter);
      const char *outcome = attack(letter) ? strerror(errno) : "done";
      int length = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\n\r\n%c: %s\n", letter, outcome);
      if (write(connection, answer, length) < 0) return 1;
    }
    close(connection);
  }
}
