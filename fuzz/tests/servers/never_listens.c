// A server that waits for something else.
#include <unistd.h>

int main(void) {
  for (;;) pause();
}
