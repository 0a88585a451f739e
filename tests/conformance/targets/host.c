/* A program that calls a library: host COUNT [LIBRARY], which is loaded late. Both have a function same(). */
#include "truth.h"
#include <dlfcn.h>

PROBED int64_t same(int64_t n)
{
    USE(n);
    return n + 1;
}

static int64_t (*called)(int64_t);

#ifdef LINKED
int64_t linked(int64_t n) __asm__("work");
#endif

int main(int argc, char **argv)
{
    struct line line;
    void *library = 0;
    const char *name = "libwork.so";
    if (argc > 2) {
        library = dlopen(argv[2], RTLD_NOW);
        name = strrchr(argv[2], '/') + 1;
        if (!library)
            return 3;
    }
#ifdef LINKED
    called = linked;
#endif
    if (library)
        called = (int64_t (*)(int64_t))dlsym(library, "work");
    for (int64_t n = 0; n < atol(argv[1]); n++) {
        begin_in(&line, "uprobe", name, "work");
        word(&line, " arg0=%lld", (long long)n);
        end(&line);
        int64_t result = called(n);
        begin_in(&line, "uretprobe", name, "work");
        word(&line, " retval=%lld", (long long)result);
        end(&line);
        begin(&line, "uprobe", "same");
        word(&line, " arg0=%lld", (long long)-n);
        end(&line);
        same(-n);
    }
    return library ? dlclose(library) : 0;
}
