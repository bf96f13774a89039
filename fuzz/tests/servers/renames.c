// Server that moves an upload from one directory to another, as servers do with complete files (`SERVER DIRECTORY`).
// It aborts if the move fails.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void move_upload(const char *directory) {
  char from[4096], to[4096];
  snprintf(from, sizeof from, "%s/incomplete", directory);
  snprintf(to, sizeof to, "%s/complete", directory);
  if ((mkdir(from, 0700) | mkdir(to, 0700)) < 0 && access(to, W_OK)) abort();
  snprintf(from, sizeof from, "%s/incomplete/upload", directory);
  snprintf(to, sizeof to, "%s/complete/upload", directory);
  FILE *file = fopen(from, "w");
  if (!file || fclose(file) || rename(from, to)) abort();
}

int main(int count, char **words) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) return 1;
  for (;;) {
    static const char answer[] = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    char request[65536];
    int connection = accept(listener, NULL, NULL);
    if (connection < 0) return 1;
    if (read(connection, request, sizeof request) > 0) {
      move_upload(words[count - 1]);
      send(connection, answer, sizeof answer - 1, MSG_NOSIGNAL);
    }
    close(connection);
  }
}

#ifdef IN_THE_LOOP
// Marks the program as instrumented; AFL++'s runtime is linked in.
const char __afl_mark[] = "__AFL_SHM_ID";
#endif
