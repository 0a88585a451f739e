/* What a target did, in a file that whoever started it maps as well: tests/faults/ledger.py reads it.
 *
 * A call is noted before it is made and its return after it, so the truth lies between the two at any moment, also if
 * the target is killed there. What a child of the target does is noted apart. */
#ifndef LEDGER_H
#define LEDGER_H
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct ledger {
    int64_t pid, calls, returns, sum, children, go, stop, idle;
};

static struct ledger *ledger;

static void open_ledger(const char *path)
{
    int file = open(path, O_RDWR | O_CLOEXEC);
    void *page = file < 0 ? MAP_FAILED : mmap(0, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (page == MAP_FAILED)
        _exit(99);
    close(file);
    ledger = (struct ledger *)page;
    __atomic_store_n(&ledger->pid, getpid(), __ATOMIC_SEQ_CST);
}

static void note(int64_t *what, int64_t by) { __atomic_add_fetch(what, by, __ATOMIC_SEQ_CST); }
static inline int64_t is(int64_t *what) { return __atomic_load_n(what, __ATOMIC_SEQ_CST); }

/* The argument of the n-th call: spread, and known to the judge. */
static long argument(long n) { return n * 7919 % 1024; }
#endif
