/* A library that a program is linked with, or loads late; it calls its own functions when it is loaded and unloaded.
 * EARLY is whether it is loaded before the program's first instruction. */
#include "truth.h"

PROBED void loaded(int64_t n) { USE(n); }

PROBED int64_t work(int64_t n)
{
    USE(n);
    return -n;
}

static void call_loaded(int64_t n)
{
    struct line line;
    begin_in(&line, "uprobe", LIBRARY, "loaded");
    word(&line, " arg0=%lld early=%d", (long long)n, EARLY && n < 100);
    end(&line);
    loaded(n);
}

__attribute__((constructor)) static void on_load(void)
{
    for (int64_t n = 0; n < 9; n++)
        call_loaded(n);
}

__attribute__((destructor)) static void on_unload(void) { call_loaded(100); }
