// Server that does not start if it cannot write the file named on its command line.
#define main serve_blocking
#include "blocking.c"
#undef main
#include <stdio.h>

int main(int count, char **words) {
  FILE *file = count == 2 ? fopen(words[1], "w") : NULL;
  if (!file) {
    perror("pid file");
    return 1;
  }
  fprintf(file, "%d\n", getpid());
  fclose(file);
  return serve_blocking();
}
