// Functions that end by a jump into another one, which returns in their place. Usage: tail WHAT COUNT
#include <stdlib.h>
#include <string.h>
#define PROBED __attribute__((noinline, noclone))

PROBED long doubles(long n) {
  __asm__ volatile("" : "+r"(n));
  return 2 * n + 1;
}

PROBED long jumps(long n) {
  __asm__ volatile("" : "+r"(n));
  return doubles(n);
}

PROBED long recurses(long n) {
  if (n == 0) return doubles(0);
  long before = recurses(n - 1);
  __asm__ volatile("" : "+r"(before));
  return before + 1;
}

int main(int count, char **words) {
  long n = atol(words[count - 1]), sum = 0;
  if (!strcmp(words[1], "recurse")) return recurses(n) == 0;
  for (long i = 0; i < n; i++) sum += jumps(i);
  return sum == -1;
}
