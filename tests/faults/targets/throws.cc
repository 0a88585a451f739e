// Calls work(), which throws for every seventh argument: throws LEDGER run CALLS PAUSE STATUS
// A return is noted only for calls that return.
#include "ledger.h"
#include <stdexcept>

extern "C" __attribute__((noinline)) long work(long v)
{
    if (v % 7 == 0)
        throw std::runtime_error("a seventh");
    __asm__ volatile("" : "+r"(v) : : "memory");
    return v;
}

int main(int count, char **words)
{
    if (count < 6)
        return 97;
    open_ledger(words[1]);
    long calls = atol(words[3]), pause_us = atol(words[4]);
    for (long n = 0; n < calls; n++) {
        note(&ledger->calls, 1);
        note(&ledger->sum, argument(n));
        try {
            work(argument(n));
            note(&ledger->returns, 1);
        } catch (const std::exception &) {
        }
        if (pause_us && n % 8 == 7)
            usleep(pause_us);
    }
    return atoi(words[5]);
}
