/* Calls functions with arguments that its caller chooses: calls MODE [NUMBER …]
 *
 * pairs A B …     pair(A, B, index) for each two
 * values V …      value(V) for each
 * texts           text(s, index) for each string of a table, and label(s, t) for each two
 * memory          memory(pointer to integers of all widths)
 * many            nine(1, …, 9)
 * deep N          deep(N), which calls itself N times
 * threads T N     value(0) … value(N - 1) in each of T threads
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACED __attribute__((noinline, noclone))
#define USE(x) __asm__ volatile("" ::"r"((int64_t)(x)) : "memory")

struct integers {
  int8_t i8;
  uint8_t u8;
  int16_t i16;
  uint16_t u16;
  int32_t i32;
  uint32_t u32;
  int64_t i64;
  uint64_t u64;
};

static const char *const texts[] = {
  "plain", "with space", "a,b", "a, b", "quote\"d", "back\\slash", "new\nline", "tab\tx", "\x01\x1f\x7f",
  "caf\xc3\xa9", "bad\xff\xfe", "", "(paren)", "[br]ack]: 5", "@b0[1]: 9", "\n@t0: 7\n", "%d%s", "{\"json\": 1}",
  "WARNING: nothing", "Lost 3 events", "//", "/*", " ", ", ",
  "0123456789012345678901234567890123456789012345678901234567890123456789",
};
enum { TEXTS = sizeof texts / sizeof *texts };

TRACED void pair(int64_t a, int64_t b, int64_t index) { USE(a); USE(b); USE(index); }
TRACED void value(int64_t v) { USE(v); }
TRACED void text(const char *s, int64_t index) { USE(s); USE(index); }
TRACED void label(const char *s, const char *t) { USE(s); USE(t); }
TRACED void memory(const struct integers *p, int64_t index) { USE(p); USE(index); }
TRACED int64_t nine(int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f, int64_t g, int64_t h,
                    int64_t i) {
  USE(a); USE(b); USE(c); USE(d); USE(e); USE(f); USE(g); USE(h); USE(i);
  return -i;
}
TRACED int64_t deep(int64_t n) {
  int64_t below = n > 0 ? deep(n - 1) : 0;
  USE(below);
  return below + 1;
}

static void *thread(void *count) {
  for (int64_t i = 0; i < (int64_t)count; i++) value(i);
  return 0;
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  int n = argc - 2;
  int64_t *numbers = calloc(argc, sizeof *numbers);
  for (int i = 0; i < n; i++) numbers[i] = (int64_t)strtoull(argv[i + 2], 0, 16);
  if (!strcmp(mode, "pairs")) {
    for (int i = 0; i + 1 < n; i += 2) pair(numbers[i], numbers[i + 1], i / 2);
  } else if (!strcmp(mode, "values")) {
    for (int i = 0; i < n; i++) value(numbers[i]);
  } else if (!strcmp(mode, "texts")) {
    for (int i = 0; i < TEXTS; i++) text(texts[i], i);
    for (int i = 0; i < TEXTS; i++)
      for (int j = 0; j < TEXTS; j++) label(texts[i], texts[j]);
  } else if (!strcmp(mode, "memory")) {
    for (int i = 0; i < n; i++) {
      struct integers p = { numbers[i], numbers[i], numbers[i], numbers[i],
                            numbers[i], numbers[i], numbers[i], numbers[i] };
      memory(&p, i);
    }
  } else if (!strcmp(mode, "many")) {
    nine(1, 2, 3, 4, 5, 6, 7, 8, 9);
  } else if (!strcmp(mode, "deep")) {
    deep(numbers[0]);
  } else if (!strcmp(mode, "threads")) {
    pthread_t threads[64];
    for (int64_t i = 0; i < numbers[0]; i++) pthread_create(&threads[i], 0, thread, (void *)numbers[1]);
    for (int64_t i = 0; i < numbers[0]; i++) pthread_join(threads[i], 0);
  } else {
    fprintf(stderr, "calls: no mode %s\n", mode);
    return 2;
  }
  return 0;
}
