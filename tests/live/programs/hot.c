// Calls insert() as often as it is told, -1 for ever, with a pause in microseconds after each; ends with 7.
#include <stdlib.h>
#include <unistd.h>

__attribute__((noinline, noclone)) void insert(long size) { __asm__ volatile("" : : "r"(size)); }

int main(int count, char **words) {
  long calls = atol(words[1]), pause = count > 2 ? atol(words[2]) : 0;
  for (long i = 0; i != calls; i++) {
    insert(i % 1000);
    if (pause) usleep(pause);
  }
  return 7;
}
