#!/bin/sh
# Traces the samples in build/examples for real, and says what one sees.
set -eu
cd "$(dirname "$0")/.."
if [ "$(uname -s)" != Linux ]; then
    echo "The demo traces with eBPF, which needs Linux. What works here: the script for a Linux machine, such as" >&2
    echo ".venv/bin/tracekit compile -e 'uprobe:./itest.test:cache_insert { @bytes = lhist(arg2, 0, 16384, 128) }'" >&2
    exit 1
fi

sudo=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Only root may place probes: run 'make demo' as root." >&2
        exit 1
    fi
    sudo=sudo
    echo "Only root may place probes, so tracekit runs with sudo; what it traces runs as $(id -un)."
fi
# shellcheck disable=SC2034  # trace() has it evaluated
tracekit=$PWD/.venv/bin/tracekit
cd build/examples

say() {
    printf '\n%s\n\n' "$1" | fmt -w 100
}
trace() {
    printf '$ tracekit trace %s\n' "$1"
    # Python would leave caches of root's in the tree.
    eval "$sudo env PYTHONDONTWRITEBYTECODE=1 \"\$tracekit\" trace --quiet $1"
}

say "How large are the values that a cache in C is given? cache_insert(key, value, expiry) takes value, a struct of \
pointer and length. tracekit knows from the binary that value.len is in the register that bpftrace calls arg2."
trace "./itest.test cache_insert 'lhist(value.len, 0, 16384, 128)' -- ./itest.test -test.count=1 -v"
say "The program's own line stands first: count and sum under the histogram are the same, so not a call was missed. \
A cache that keeps them all needs that sum; one whose entries end at the upper bound of p90 keeps nine of ten."

say "The same by hand, as one would write it for bpftrace; a one-liner that aggregates works here as it is:"
trace "-e 'uprobe:./itest.test:cache_insert {@bytes=lhist(arg2, 0 , 16384, 128)}' -c './itest.test -test.count=1'"

say "For values that expire and for those that don't, in one run, by powers of two:"
trace "./itest.test cache_insert 'hist(value.len)' --by 'expiry != 0' -- ./itest.test 5000"

say "A function whose argument size goes from 1000 to 1999, after a struct in two registers. Counting a register for each \
parameter, as bpftrace's args->size does, ends at arg1, and gives another number without a word:"
trace "./arguments after_view 'max(arg1)' -- ./arguments"
trace "./arguments after_view 'max(size)' -- ./arguments"

if [ ! -x cache ]; then
    say "The cache in Go is left out: there is no Go here, and it couldn't be installed."
    exit 0
fi
say "The same cache in Go, which chooses registers by rules of its own. Each goroutine's first call enters the function \
twice, since its stack has to grow, and a plain probe counts about 1100 calls. tracekit probes behind Go's check of the \
stack, where each call passes once."
trace "./cache main.Cache.Insert 'lhist(len(value), 0, 16K, 128)' -- ./cache -v"
