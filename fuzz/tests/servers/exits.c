// A server that does not like its configuration.
#include <stdio.h>

int main(void) {
  fputs("cannot open server.conf\n", stderr);
  return 3;
}
