// Server that leaks a resource after every request: memory, a thread, a file, a process, or several of them, as its
// argument selects. With "crowd", it forks processes whose memory exceeds a limit only in total.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void *volatile kept;

static void *sleep_for_ever(void *nothing) {
  pause();
  return nothing;
}

static void keep_crowd(void) {
  for (int count = 0; count < 8; count++) {
    if (fork() == 0) {
      kept = memset(malloc(100 << 20), 1, 100 << 20);
      for (;;) pause();
    }
  }
}

static void keep(const char *what) {
  pthread_t thread;
  if (strstr(what, "memory")) kept = memset(malloc(200000), 1, 200000);
  if (strstr(what, "thread")) pthread_create(&thread, NULL, sleep_for_ever, NULL);
  if (strstr(what, "process") && fork() == 0) _exit(0);
  if (strstr(what, "crowd")) keep_crowd();
  if (strstr(what, "file") && open("/dev/null", O_RDONLY) < 0) exit(1);
}

int main(int count, char **words) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) return 1;
  for (;;) {
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    char request[65536] = "";
    int connection = accept(listener, NULL, NULL);
    if (connection < 0) return 1;
    if (read(connection, request, sizeof request - 1) > 0) send(connection, answer, sizeof answer - 1, MSG_NOSIGNAL);
    keep(words[count - 1]);
    close(connection);
  }
}
