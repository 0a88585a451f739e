#!/bin/sh
# Runs every test that this machine allows, and says what it doesn't allow. Arguments go to pytest.
set -eu
cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python

not_tested() {
    printf '\n*** NOT TESTED: %s\n\n' "$1"
}

# Debian's package starts a server at once, and at each boot. The tests start one of their own, and no other is left.
install_prometheus() {
    if [ ! -x /usr/bin/prometheus ]; then
        tools/install.sh "tests of metrics" prometheus=prometheus || return
        ! command -v systemctl >/dev/null || systemctl --quiet disable prometheus.service
        [ ! -d /run/systemd/system ] || systemctl stop prometheus.service
    fi
}

linux_tools() {
    sdt=/usr/include/$(gcc -print-multiarch)/sys/sdt.h
    tools/install.sh "tests of C++ and usdt" g++=g++ "$sdt=systemtap-sdt-dev" || not_tested "C++ and usdt."
    tools/install.sh "tests of --sudo" sudo=sudo doas=doas || not_tested "--sudo."
    tools/install.sh "tests of names" gdb=gdb clang=clang clang-19=clang-19 lld=lld dsymutil=llvm \
        dwz=dwz go=golang-go rustc=rustc objcopy=binutils || not_tested "names in other languages."
    tools/install.sh "tests of arm64" aarch64-linux-gnu-gcc=gcc-aarch64-linux-gnu \
        gdb-multiarch=gdb-multiarch aarch64-linux-gnu-g++=g++-aarch64-linux-gnu qemu-aarch64=qemu-user \
        qemu-aarch64-static=qemu-user-static || not_tested "arm64."
    tools/install.sh "tests of completion" zsh=zsh fish=fish || not_tested "completion in zsh and fish."
    tools/install.sh "tests of pages" chromium=chromium || not_tested "pages in a browser."
    tools/install.sh "tests of documents" man=man-db mandoc=mandoc jq=jq || not_tested "some of the documents."
    if [ "$(id -u)" -ne 0 ]; then
        not_tested "real engines on real programs, which needs root: 'sudo make test' does it."
    else
        tools/install.sh "tests of the system's bpftrace" bpftrace=bpftrace || not_tested "the system's bpftrace."
        install_prometheus || not_tested "metrics in a real Prometheus."
        "$python" tools/engines.py up || not_tested "the engines of 'make engines'."
        # Under sudo, tracekit runs its targets as the user who called it, and here root called.
        unset SUDO_COMMAND SUDO_GID SUDO_UID SUDO_USER
    fi
}

if [ "$(uname -s)" = Linux ]; then
    linux_tools
else
    not_tested "engines, processes and ELF binaries of this system's compilers, which need Linux; each test says so."
fi
if [ $# -gt 0 ]; then
    exec "$python" -m pytest "$@"
fi

# A real engine on a busy machine fails now and then without a fault of ours (docs/safety.md). What failed is run once
# more, alone; that it failed before is said in any case. More than ten are no accident.
run() {
    results=build/tests/$1
    shift
    failed=0
    "$python" -m pytest --quiet -o cache_dir="$results" --cache-clear "$@" || failed=$?
    [ $failed -eq 1 ] || return $failed
    [ "$(grep -c :: "$results/v/cache/lastfailed")" -le 10 ] || return 1
    printf '\n*** FAILED, and once more, alone:\n\n'
    cat "$results/v/cache/lastfailed"
    echo
    "$python" -m pytest --verbose -o cache_dir="$results" --last-failed "$@" --numprocesses 0 || return
    printf '\n*** PASSED ONLY ALONE: the tests above.\n\n'
}

# Most tests wait for the kernel, so one more runs at once than there are processors; with more, some fail that wait
# for an engine. The matrix has processes of its own, and the truth's builds are made once: each of these is for
# one process.
status=0
run most --numprocesses $(($(getconf _NPROCESSORS_ONLN) + 1)) --ignore tests/conformance --ignore tests/truth || status=$?
run matrix tests/conformance tests/truth || status=$?
exit $status
