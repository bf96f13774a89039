// A server that goes to the background.
#include <unistd.h>

int main(void) {
  if (daemon(0, 0)) return 1;
  for (;;) pause();
}
