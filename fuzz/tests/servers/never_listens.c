// Server that waits, but never listens.
#include <unistd.h>

int main(void) {
  for (;;) pause();
}
