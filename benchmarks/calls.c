/* calls COUNT FILE: calls a function COUNT times and writes to FILE how many nanoseconds each call took, and how many
 * of them on a processor. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

__attribute__((noinline)) void called(uint64_t key, uint64_t size, const char *name)
{
    __asm__ volatile("" : : "r"(key), "r"(size), "r"(name));
}

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    uint64_t count = strtoull(argv[1], NULL, 10);
    static const char *const names[] = {"read", "write", "an entry with a long name", ""};
    double start = now(CLOCK_MONOTONIC), worked = now(CLOCK_PROCESS_CPUTIME_ID);
    for (uint64_t n = 0; n < count; n++)
        called(n, n * 37 % 16384, names[n % 4]);
    double each = (now(CLOCK_MONOTONIC) - start) / (double)count;
    worked = (now(CLOCK_PROCESS_CPUTIME_ID) - worked) / (double)count;
    FILE *file = fopen(argv[2], "w");
    if (file == NULL || fprintf(file, "%.3f %.3f\n", each, worked) < 0 || fclose(file))
        return 1;
    return 0;
}
