// Two threads that call with the same new value at the same time, round after round.
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

static atomic_long waiting, round_now;
static long rounds;

__attribute__((noinline, noclone)) void fresh(int64_t value) { __asm__ volatile("" : : "r"(value)); }

static void *thread(void *unused) {
  for (long i = 0; i < rounds; i++) {
    if (atomic_fetch_add(&waiting, 1) == 1) {
      atomic_store(&waiting, 0);
      atomic_store(&round_now, i + 1);
    }
    while (atomic_load(&round_now) <= i) {}
    fresh(i);
  }
  return unused;
}

int main(int count, char **words) {
  rounds = count > 1 ? atol(words[1]) : 1000;
  pthread_t other;
  pthread_create(&other, 0, thread, 0);
  thread(0);
  pthread_join(other, 0);
  return 0;
}
