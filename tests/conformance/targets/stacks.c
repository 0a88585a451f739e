/* Calls a function from everywhere, and knows who called it: each function puts itself on a list, and tells where
 * it returns to. `root` has no frame below it, for there is nothing more to be known. */
#include "truth.h"
#include <pthread.h>

struct level {
    const char *name;
    const char *start;
    long returns;
};
static __thread struct level levels[256];
static __thread int depth;

static void enter(const char *name, void *start, const void *back)
{
    if (depth)
        levels[depth - 1].returns = (const char *)back - levels[depth - 1].start;
    levels[depth++] = (struct level){name, start, 0};
}
#define ENTER(function) enter(#function, (void *)function, __builtin_return_address(0))

PROBED int64_t value(int64_t v)
{
    ENTER(value);
    char text[8192];
    int size = 0;
    for (int n = depth - 1; n >= 0; n--)
        size += snprintf(text + size, sizeof text - size, "%s%s+%ld", size ? "\n" : "", levels[n].name,
                         levels[n].returns);
    struct line line;
    begin(&line, "uprobe", "value");
    word(&line, " arg0=%lld", (long long)v);
    string(&line, "ustack", text, (size_t)size);
    end(&line);
    depth--;
    return v;
}

PROBED int64_t one(int64_t v)
{
    ENTER(one);
    int64_t found = value(v) + 1;
    depth--;
    return found;
}

PROBED int64_t two(int64_t v)
{
    ENTER(two);
    int64_t found = value(v);
    found += value(v + 1);
    found += one(v);
    depth--;
    return found;
}

PROBED int64_t deeper(int64_t n)
{
    ENTER(deeper);
    int64_t found = n ? deeper(n - 1) : value(n);
    USE(found);
    depth--;
    return found;
}

PROBED void work(void)
{
    ENTER(work);
    for (int64_t v = 0; v < 5; v++) {
        one(v);
        two(v);
    }
    for (int64_t n = 0; n < 30; n++)
        deeper(n);
    deeper(100);
    depth--;
}

void root(void (*call)(void));
#ifdef __aarch64__
#define ROOT "stp x29, x30, [sp, #-16]!\nmov x29, #0\nblr x0\nldp x29, x30, [sp], #16\nret\n"
#else
#define ROOT "endbr64\npush %rbp\nxor %ebp, %ebp\ncall *%rdi\npop %rbp\nret\n"
#endif
__asm__(".text\n.globl root\n.type root, @function\nroot:\n" ROOT ".size root, .-root\n");

static void *thread(void *unused)
{
    depth = 0;
    enter("root", (void *)root, 0);
    root(work);
    return unused;
}

int main(void)
{
    pthread_t threads[4];
    for (int n = 0; n < 4; n++)
        pthread_create(&threads[n], 0, thread, 0);
    for (int n = 0; n < 4; n++)
        pthread_join(threads[n], 0);
    thread(0);
    return 0;
}
