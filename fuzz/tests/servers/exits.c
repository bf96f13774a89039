// Server that exits because of its configuration.
#include <stdio.h>

int main(void) {
  fputs("cannot open server.conf\n", stderr);
  return 3;
}
