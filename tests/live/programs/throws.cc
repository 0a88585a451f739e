// Exceptions that pass through a function, or are caught in it.
#include <cstdlib>
#include <stdexcept>
#define PROBED extern "C" __attribute__((noinline))

PROBED long throws(long n) {
  if (n % 3 == 0) throw std::runtime_error("not this one");
  return n;
}

PROBED long passes(long n) {
  long result = throws(n);
  __asm__ volatile("" : "+r"(result));
  return result + 1;
}

PROBED long catches(long n) {
  try {
    return passes(n);
  } catch (std::exception &) {
    return -1;
  }
}

PROBED long depth(long n) {
  if (n == 0) return 0;
  long before = depth(n - 1);
  __asm__ volatile("" : "+r"(before));
  return before + 1;
}

// Ends by a jump into catches, which returns in its place.
PROBED long jumps(long n) { return catches(n + 1); }

int main(int, char **words) {
  long sum = depth(200);
  for (long i = 0; i < atol(words[1]); i++) sum += catches(i) + jumps(i);
  return sum == 0;
}
