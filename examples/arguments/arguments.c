/* Three functions whose argument `size` is not in the register that counting parameters suggests. Each is called
 * 1000 times with sizes from 1000 to 1999; all else that they are given is 7. */

#include <stdint.h>

struct view {
    const char *data;
    uint64_t len;
};

struct big {
    uint64_t words[5];
};

/* Keeps the compiler from removing what isn't used otherwise. */
#define USE(...) __asm__ volatile("" ::__VA_ARGS__)

/* A struct of two words takes two registers. */
__attribute__((noinline)) void after_view(struct view value, uint64_t size)
{
    USE("r"(value.data), "r"(value.len), "r"(size));
}

/* A larger one is on the stack, and takes none. */
__attribute__((noinline)) void after_big(struct big value, uint64_t size, uint64_t seven)
{
    USE("m"(value), "r"(size), "r"(seven));
}

/* A float has registers of its own. */
__attribute__((noinline)) void after_float(double ratio, uint64_t size, uint64_t seven)
{
    USE("r"(ratio), "r"(size), "r"(seven));
}

int main(void)
{
    for (uint64_t size = 1000; size < 2000; size++) {
        after_view((struct view){(const char *)7, 7}, size);
        after_big((struct big){{7, 7, 7, 7, 7}}, size, 7);
        after_float(7.0, size, 7);
    }
}
