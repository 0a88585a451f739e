// A library that is loaded late, and the program that loads it: -DPROGRAM.
#include <stdlib.h>
#define PROBED __attribute__((noinline, noclone))
#ifdef PROGRAM
#include <dlfcn.h>

PROBED void early(long n) { __asm__ volatile("" : : "r"(n)); }

__attribute__((constructor)) static void before_main(void) {
  for (long i = 0; i < 7; i++) early(i);
}

int main(int count, char **words) {
  void *library = dlopen(words[1], RTLD_NOW);
  if (!library || count < 3) return 1;
  long (*work)(long) = (long (*)(long))dlsym(library, "work");
  for (long i = 0; i < atol(words[2]); i++) work(i);
  return dlclose(library);
}
#else
PROBED long work(long n) {
  if (n % 5 == 0) return -n;
  __asm__ volatile("" : "+r"(n));
  return n;
}

PROBED static void loaded(long n) { __asm__ volatile("" : : "r"(n)); }

__attribute__((constructor)) static void on_load(void) {
  for (long i = 0; i < 9; i++) loaded(i);
}

__attribute__((destructor)) static void on_unload(void) { loaded(100); }
#endif
