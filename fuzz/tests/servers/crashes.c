// Crashes in the way that the path of the request names, each in functions of its own. With an argument, a handler of the
// server's turns a fault into an abort.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OWN_FRAME __attribute__((noinline, noipa))

static volatile int sink;
static int (*volatile callback)(void);

OWN_FRAME static void store(int *place) { *(volatile int *)place = 1; }

OWN_FRAME static void load(int *place) { sink = *(volatile int *)place; }

OWN_FRAME static void decode(void (*use)(int *), int *place) {
  use(place);
  ++sink;
}

OWN_FRAME static void give_up(void) {
  abort();
  ++sink;
}

OWN_FRAME static int descend(int depth) {
  volatile char room[1024];
  room[depth % 1024] = 1;
  return descend(depth + 1) + room[0];
}

OWN_FRAME static void dispatch(void) {
  sink = callback();
  ++sink;
}

OWN_FRAME static void lose_stack(void) {
#if defined __x86_64__
  __asm__ volatile("xor %%esp, %%esp\n\tpush %%rax" ::: "memory");
#else
  __asm__ volatile("mov x9, xzr\n\tmov sp, x9\n\tstr x9, [sp, #-16]!" ::: "x9", "memory");
#endif
}

OWN_FRAME static void *work(void *unused) {
  decode(store, NULL);
  return unused;
}

OWN_FRAME static void *work_deep(void *unused) {
  sink = descend(0);
  return unused;
}

OWN_FRAME static void in_thread(void *(*start)(void *)) {
  pthread_t thread;
  if (!pthread_create(&thread, NULL, start, NULL)) pthread_join(thread, NULL);
}

OWN_FRAME static void handle(const char *what) {
  if (!strcmp(what, "write")) decode(store, NULL);
  if (!strcmp(what, "read")) decode(load, (int *)16);
  if (!strcmp(what, "abort")) give_up();
  if (!strcmp(what, "overflow")) sink = descend(0);
  if (!strcmp(what, "call")) dispatch();
  if (!strcmp(what, "stack")) lose_stack();
  if (!strcmp(what, "thread")) in_thread(work);
  if (!strcmp(what, "thread_overflow")) in_thread(work_deep);
  ++sink;
}

static void on_fault(int number) {
  (void)number;
  give_up();
}

int main(int argc, char **argv) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  (void)argv;
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) return 1;
  if (argc > 1) signal(SIGSEGV, on_fault);
  for (;;) {
    char request[256] = {0};
    int connection = accept(listener, NULL, NULL);
    if (connection < 0 || read(connection, request, sizeof request - 1) < 0) return 1;
    strtok(request, "/");
    char *what = strtok(NULL, " ");
    if (what) handle(what);
    if (write(connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 38) < 0) return 1;
    close(connection);
  }
}
