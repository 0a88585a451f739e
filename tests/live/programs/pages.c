/* Passes strings and numbers that lie in pages of a file which are not in the process's memory when it does:
 * never touched, given back, and of two pages the second. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGES = 8, SIZE = 4096 };

__attribute__((noinline)) void text(const char *s, long n)
{
    __asm__ volatile("" ::"r"(s), "r"(n) : "memory");
}

static char *mapped(int file)
{
    char *found = mmap(0, SIZE * PAGES, PROT_READ, MAP_PRIVATE, file, 0);
    if (found == MAP_FAILED || madvise(found, SIZE * PAGES, MADV_RANDOM)) /* no neighbours are brought in */
        exit(1);
    return found;
}

int main(void)
{
    char name[] = "/tmp/pagesXXXXXX";
    int file = mkstemp(name);
    unlink(name);
    if (ftruncate(file, SIZE * PAGES))
        return 2;
    for (int n = 0; n < PAGES; n++) {
        char line[16];
        int size = snprintf(line, sizeof line, "page %d!", n);
        if (pwrite(file, line, size, SIZE * n) != size || pwrite(file, "over", 4, SIZE * (n + 1) - 4) != 4)
            return 3;
    }
    char *never = mapped(file);
    for (int n = 0; n < PAGES; n++)
        text(never + SIZE * n, n);
    char *gone = mapped(file);
    for (int n = 0; n < PAGES; n++)
        (void)*(volatile char *)(gone + SIZE * n);
    madvise(gone, SIZE * PAGES, MADV_DONTNEED);
    for (int n = 0; n < PAGES; n++)
        text(gone + SIZE * n, n);
    /* The first page of two is there, the second one isn't. */
    char *half = mapped(file);
    for (int n = 0; n + 1 < PAGES; n++) {
        (void)*(volatile char *)(half + SIZE * n);
        text(half + SIZE * (n + 1) - 4, n);
        madvise(half, SIZE * PAGES, MADV_DONTNEED);
    }
    return 0;
}
