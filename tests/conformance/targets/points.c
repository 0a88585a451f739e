/* Static tracepoints: a plain one, and one that is switched on by a semaphore. */
#define _SDT_HAS_SEMAPHORES 1
#include "truth.h"
#include <sys/sdt.h>

__extension__ unsigned short sample_plain_semaphore __attribute__((section(".probes")));
__extension__ unsigned short sample_switched_semaphore __attribute__((section(".probes")));

int main(void)
{
    struct line line;
    for (int64_t v = -50; v < 50; v++) {
        int64_t cube = v * v * v;
        begin(&line, "usdt", "sample:plain");
        word(&line, " arg0=%lld arg1=%lld", (long long)v, (long long)cube);
        end(&line);
        DTRACE_PROBE2(sample, plain, v, cube);
        begin(&line, "usdt", "sample:switched");
        word(&line, " arg0=%lld", (long long)v);
        end(&line);
        if (sample_switched_semaphore)
            DTRACE_PROBE1(sample, switched, v);
    }
    return 0;
}
