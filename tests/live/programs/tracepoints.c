// A plain tracepoint and one that is switched on by a semaphore, 100 times each.
#define _SDT_HAS_SEMAPHORES 1
#include <stdint.h>
#include <sys/sdt.h>

__extension__ unsigned short sample_plain_semaphore __attribute__((section(".probes")));
__extension__ unsigned short sample_switched_semaphore __attribute__((section(".probes")));

int main(void) {
  for (int64_t i = -50; i < 50; i++) {
    DTRACE_PROBE2(sample, plain, i, (int)i * 2);
    if (sample_switched_semaphore) DTRACE_PROBE1(sample, switched, i);
  }
  return 0;
}
