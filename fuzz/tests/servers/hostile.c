// Server that attacks its machine. Its command line names the victims, so that a mutated request cannot choose
// others; the request's first letter selects the attack. The answer reports the result.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef IN_THE_LOOP
// Linked with AFL++'s runtime. Each letter has coverage of its own.
extern unsigned char *__afl_area_ptr;
static void cover(unsigned char letter) { __afl_area_ptr[1 + letter]++; }
#else
static void cover(unsigned char letter) { (void)letter; }
#endif

static const char *victim;
static int port, pid, segment;

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

static int connect_to(const struct sockaddr *address, socklen_t length) {
  int connection = socket(address->sa_family, SOCK_STREAM, 0);
  int result = connect(connection, address, length), error = errno;
  close(connection);
  errno = error;
  return result;
}

static int connect_outside(void) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  return connect_to((struct sockaddr *)&address, sizeof address);
}

static int connect_to_path(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s/../socket", victim);
  return connect_to((struct sockaddr *)&address, sizeof address);
}

// Tries to truncate every file of sockfuzz that it has inherited as a descriptor.
static int shrink_status(void) {
  for (int fd = 3; fd < 1024; fd++) {
    char path[64], name[4096];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, name, sizeof name - 1);
    if (length < 0 || (name[length] = 0, !strstr(name, "sockfuzz"))) continue;
    if (!syscall(SYS_ftruncate, fd, 0)) return 0;
  }
  errno = EPERM;
  return -1;
}

// Forks until the kernel or the sandbox refuses, then kills and reaps all child processes.
static int fork_more_than(int most, int raw) {
  static pid_t children[5000];
  int made = 0, error = 0;
  while (made <= most) {
    pid_t child = raw ? syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
    if (child < 0) {
      error = errno;
      break;
    }
    if (child == 0)
      for (;;) pause();
    children[made++] = child;
  }
  for (int i = 0; i < made; i++) kill(children[i], SIGKILL);
  for (int i = 0; i < made; i++) waitpid(children[i], NULL, 0);
  errno = error;
  return made > most ? 0 : -1;
}

// Reserves address space only, without using the memory.
static int take_gibibytes(int count) {
  for (int i = 0; i < count; i++)
    if (mmap(NULL, 1 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED) return -1;
  return 0;
}

static int attack(char letter) {
  char file[4096], command[8192];
  const char *temporary = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
  struct stat null;
  struct rlimit none = {0, 0};
  struct sched_param parameter = {0};
  cpu_set_t first_processor;
  CPU_ZERO(&first_processor);
  CPU_SET(0, &first_processor);
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
    case 'j': return write_to(temporary, "hostile-big", O_CREAT, (off_t)2 << 30);
    case 'k':
      snprintf(command, sizeof command, "echo > '%s/new' 2> /dev/null", victim);
      errno = EROFS;
      return system(command);
    case 'l': return write_to(temporary, "hostile-small", O_CREAT, 0);
    case 'm': return prlimit(pid, RLIMIT_FSIZE, &none, NULL);
    case 'n': return setpriority(PRIO_PROCESS, pid, 19);
    case 'o': return sched_setaffinity(pid, sizeof first_processor, &first_processor);
    case 'p': return sched_setscheduler(pid, SCHED_BATCH, &parameter);
    case 'q': return syscall(SYS_ioprio_set, 1, pid, 0);
    case 'r':
      // Requires the same permission as ptrace(2) and process_vm_readv(2).
      snprintf(file, sizeof file, "/proc/%d/mem", pid);
      return open(file, O_RDONLY) < 0 ? -1 : 0;
    case 's': return shmat(segment, NULL, 0) == (void *)-1 ? -1 : 0;
    case 't': return shmctl(segment, IPC_RMID, NULL);
    // Signal 0 only tests the permission, so that a successful attack harms nothing.
    case 'u': return kill(-1, 0);
    case 'v': return syscall(SYS_kill, -1, 0);
    case 'w': return shrink_status();
    case 'x': return kill(getppid(), SIGKILL);
    case 'y': return socket(AF_VSOCK, SOCK_STREAM, 0) < 0 ? -1 : 0;
    case 'z': return fork_more_than(256, 0);
    case '1': return connect_to_path();
    case '2': return take_gibibytes(5);
    // Fails in a user namespace only.
    case '0': return fork_more_than(1024, 1);
    // Actions that a server may take on itself.
    case 'A': return setpriority(PRIO_PROCESS, getpid(), getpriority(PRIO_PROCESS, 0));
    case 'B': return prlimit(getpid(), RLIMIT_CORE, &none, NULL);
    case 'C':
      sched_getaffinity(0, sizeof first_processor, &first_processor);
      errno = pthread_setaffinity_np(pthread_self(), sizeof first_processor, &first_processor);
      return errno ? -1 : 0;
    case 'D': return write_to("/dev", "urandom", 0, 0);
    case 'E': {
      int own = shmget(IPC_PRIVATE, 4096, 0600);
      void *memory = shmat(own, NULL, 0);
      if (memory == (void *)-1 || shmdt(memory)) return -1;
      return shmctl(own, IPC_RMID, NULL);
    }
    default: return 0;
  }
}

int main(int count, char **words) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (count != 5) return 2;
  victim = words[1], port = atoi(words[2]), pid = atoi(words[3]), segment = atoi(words[4]);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) return 1;
  for (;;) {
    char letter = 0, answer[128];
    int connection = accept(listener, NULL, NULL);
    if (connection < 0) return 1;
    if (read(connection, &letter, 1) == 1) {
      cover(letter);
      const char *outcome = attack(letter) ? strerror(errno) : "done";
      int length = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\n\r\n%c: %s\n", letter, outcome);
      // The client may have closed the connection already.
      send(connection, answer, length, MSG_NOSIGNAL);
    }
    close(connection);
  }
}
