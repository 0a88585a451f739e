/* Passes values of every kind, the same in each round, and tells once what they are.
 *
 * Prints its function, arguments and result for each call of a round, in hex, and then an empty line. For each byte
 * on its standard input it makes a round and prints a byte. Nothing that it points at ever changes. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PROBED __attribute__((noinline, noclone))
#define USE(x) __asm__ volatile("" ::"r"((int64_t)(x)) : "memory")

enum { ROWS = 40, WORDS = 9 };

struct row {
    int64_t word[WORDS]; /* arguments 0 to 7, and the result */
};

static struct row rows[ROWS];
static uint8_t blocks[4][64];

static const int64_t edges[] = {
    0, 1, -1, 2, 3, 7, 10, 63, 64, 100, -100, 127, 128, 255, 256, -128, -129, 32767, 32768, 65535, INT32_MAX,
    INT32_MIN, UINT32_MAX, 1LL << 32, -(1LL << 32), 1000000007, INT64_MAX, INT64_MIN, INT64_MIN + 1, 0xdead000000000001,
};
static const char *texts[] = {
    "plain", "", "a", "plain text that is longer than sixteen bytes", "caf\xc3\xa9", "bad\xff\xfe", "new\nline",
    "0123456789012345678901234567890123456789012345678901234567890123456789", "target", "plain",
};

PROBED int64_t event(int64_t a, int64_t b, int64_t c, int64_t s, int64_t p, int64_t n, int64_t g, int64_t h,
                     int64_t result)
{
    USE(a); USE(b); USE(c); USE(s); USE(p); USE(n); USE(g); USE(h);
    return result;
}

PROBED int64_t other(int64_t a, int64_t b, int64_t c, int64_t s, int64_t p, int64_t n, int64_t g, int64_t h,
                     int64_t result)
{
    USE(a); USE(b); USE(c); USE(s); USE(p); USE(n); USE(g); USE(h);
    return result - 1;
}

static uint64_t state = 88172645463325252ULL;

static uint64_t drawn(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

#define ANY(list) (list)[drawn() % (sizeof(list) / sizeof *(list))]

static int64_t number(void)
{
    switch (drawn() % 4) {
    case 0: return (int64_t)drawn() >> (drawn() % 64);
    case 1: return (int64_t)(drawn() % 41) - 20;
    default: return ANY(edges);
    }
}

static void round_of_calls(void)
{
    for (int i = 0; i < ROWS; i++) {
        const int64_t *w = rows[i].word;
        (i % 4 == 3 ? other : event)(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8]);
    }
}

int main(void)
{
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    int cpu = 0;
    while (!CPU_ISSET(cpu, &set))
        cpu++;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);

    /* A page with nothing behind it: with a string and a block that end there, or that would go on. */
    char *page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + 4096, 4096);
    strcpy(page + 4096 - 5, "edge");
    for (unsigned i = 0; i < sizeof blocks; i++)
        ((uint8_t *)blocks)[i] = (uint8_t)drawn();
    const int64_t strings[] = {0, 1, -1, (int64_t)(page + 4091), (int64_t)(page + 4100), 0x123456789000};
    const int64_t pointers[] = {0, 8, (int64_t)(page + 4092), (int64_t)blocks[3]};
    for (int i = 0; i < ROWS; i++) {
        int64_t *w = rows[i].word;
        for (int n = 0; n < WORDS; n++)
            w[n] = number();
        w[3] = drawn() % 4 ? (int64_t)ANY(texts) : ANY(strings);
        w[4] = drawn() % 4 ? (int64_t)blocks[drawn() % 4] : ANY(pointers);
        w[5] = drawn() % 80;
        printf("%s", i % 4 == 3 ? "other" : "event");
        for (int n = 0; n < WORDS; n++)
            printf(" %llx", (unsigned long long)(w[n] - (n == 8 && i % 4 == 3)));
        printf("\n");
    }
    printf("cpu %d\n\n", cpu);
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) == 1) {
        round_of_calls();
        if (write(1, &byte, 1) != 1)
            return 1;
    }
    return 0;
}
