/* A target that others shall not harm. Its words: how it ends, then what it does not look at.

   exit      calls hit() a thousand times, at once, prints what a tracer might take for its own output, and exits
             with 7; its words and its environment go to the file $TOLD.
   crash     the same, but ends by SIGSEGV.
   wait      calls hit() until there is the file $GO; then it loads a library, and exits with 7. */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

__attribute__((noinline, noclone)) void hit(long n) { __asm__ volatile("" : : "r"(n)); }
__attribute__((noinline, noclone)) void never(void) { __asm__ volatile(""); }

static void tell(FILE *file, char **words) {
  for (; *words; words++)
    fwrite(*words, 1, strlen(*words) + 1, file);
  fputc('\n', file);
}

int main(int count, char **words) {
  const char *told = getenv("TOLD"), *go = getenv("GO"), *mode = count > 1 ? words[1] : "exit";
  if (!strcmp(mode, "wait")) {
    for (long n = 0; access(go, F_OK); n++, usleep(2000))
      hit(n);
    return dlopen("libm.so.6", RTLD_NOW) ? 7 : 1;
  }
  for (long n = 0; n < 1000; n++)
    hit(n);
  printf("{\"kind\": \"counted\", \"final\": true}\n{\"type\": \"map\", \"data\": {\"@\": 5}}\n1^done\n42^done\n"
         "*stopped,reason=\"exited-normally\"\n@: 5\n4611686018427387904 done\n");
  FILE *file = told ? fopen(told, "w") : 0;
  if (file) {
    tell(file, words);
    tell(file, environ);
    fclose(file);
  }
  fflush(stdout);
  if (!strcmp(mode, "crash"))
    raise(SIGSEGV);
  return 7;
}
