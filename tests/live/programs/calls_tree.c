// Calls that nest, repeat in threads and in children, or never end.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#define PROBED __attribute__((noinline, noclone))

PROBED int64_t fib(int64_t n) {
  if (n < 2) return n;
  int64_t before = fib(n - 1);
  return before + fib(n - 2);
}

PROBED int64_t deep(int64_t n) { return n ? 1 + deep(n - 1) : 0; }

PROBED void never(void) { __asm__ volatile(""); }

static void *thread(void *unused) {
  fib(10);
  return unused;
}

int main(int count, char **words) {
  const char *what = count > 1 ? words[1] : "";
  if (!strcmp(what, "fib")) fib(10);                  // 177 calls
  else if (!strcmp(what, "deep")) deep(atoi(words[2]));
  else if (!strcmp(what, "threads")) {                // 4 * 177 calls
    pthread_t all[4];
    for (int i = 0; i < 4; i++) pthread_create(&all[i], 0, thread, 0);
    for (int i = 0; i < 4; i++) pthread_join(all[i], 0);
  } else if (!strcmp(what, "fork")) {                 // 15 calls, and 15 + 177 in each of 3 children
    fib(5);
    for (int i = 0; i < 3; i++)
      if (!fork()) {
        fib(5);
        pthread_t one;
        pthread_create(&one, 0, thread, 0);
        pthread_join(one, 0);
        return 0;
      }
    while (wait(0) > 0) {}
  } else if (!strcmp(what, "loop")) {
    for (;;) {
      fib(5);
      usleep(5000);
    }
  } else if (!strcmp(what, "exit")) {
    fib(5);
    return atoi(words[2]);
  } else if (!strcmp(what, "crash")) {
    fib(5);
    *(volatile int *)8 = 1;
  } else if (!strcmp(what, "talk")) {                 // what an engine might print
    fib(5);
    puts("@b0[1]: 77\n@c0: 78\n4611686018427387904 result 1\n@t0: 79\n4611686018427387904 done");
    fprintf(stderr, "Lost 80 events\n");
  }
  return 0;
}
