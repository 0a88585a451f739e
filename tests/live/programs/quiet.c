// quiet WHAT: calls nothing that is probed, or is in the middle of it already.
#include <string.h>
#include <unistd.h>
#define PROBED __attribute__((noinline, noclone))

PROBED void never(long value) { __asm__ volatile("" : : "r"(value)); }

PROBED void serve(long value) {
  for (;;) {
    never(value);
    usleep(10000);
  }
}

int main(int count, char **words) {
  if (count > 1 && !strcmp(words[1], "serve")) serve(5);
  if (count > 1 && !strcmp(words[1], "wait")) for (;;) pause();
  return 0;
}
