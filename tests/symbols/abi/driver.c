/* Calls every generated function with its image of values, and writes what the callee found. */
#include <stdio.h>
#include <string.h>

typedef void caller(const unsigned char *image, void (*callee)(void));

extern caller *const callers[];
extern void (*const returners[])(void);
extern const unsigned char *const images[], *const result_images[];
extern const int count;
extern unsigned char dumped[8 * 16 + 16 * 8 + 4096];
extern void dump(void);
extern void dump_result(void (*function)(void), void *scratch, const void *image);

int main(void)
{
    static unsigned char scratch[256] __attribute__((aligned(64)));
    unsigned char room[8192]; /* above the callers' frames, so that all that is dumped is there */
    __asm__ volatile("" : : "r"(room) : "memory");
    for (int i = 0; i < count; i++) {
        memset(dumped, 0, sizeof dumped);
        callers[i](images[i], dump);
        fwrite(dumped, 1, sizeof dumped, stdout);
        memset(dumped, 0, sizeof dumped);
        if (returners[i])
            dump_result(returners[i], scratch, result_images[i]);
        void *where = scratch;
        fwrite(dumped, 1, 256, stdout);
        fwrite(&where, 1, 8, stdout);
        fwrite(scratch, 1, sizeof scratch, stdout);
    }
    return 0;
}
