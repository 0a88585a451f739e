"""Keeps an engine that has more rights than tracekit, which couldn't signal it: the program that sudo is given.

``python -I -S keeper.py NAME=VALUE... -- ENGINE ARGUMENTS...`` starts the engine with that environment and no
other. It is told what to do by bytes on its standard input: ``i`` interrupts the engine, once; ``k`` kills it;
``w`` wakes it (see ``Engine.start``). The end of that input, as by tracekit's own end, interrupts it, and kills
it if that doesn't help. It ends as the engine did, and of no signal that it was told to send, which doas would
report. It is executed as a file, and imports nothing of ours.
"""

from __future__ import annotations

import os
import select
import signal
import sys

GRACE = 30.0
"""Seconds between the end of the input and SIGKILL."""

_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1


def main(words: list[str]) -> int:
    """Runs an engine to its end; without one there is nothing to do but to have been started."""
    if not words:
        return 0
    at = words.index("--")
    environment = dict(word.split("=", 1) for word in words[:at])
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    for number in _STOP:
        signal.signal(number, lambda *_: None)
    pid = os.fork()
    if pid == 0:
        _become(words[at + 1 :], environment)
    return _keep(pid, read)


def _become(argv: list[str], environment: dict[str, str]) -> None:
    """In the child: becomes the engine, which gets SIGINT if we are killed."""
    import ctypes

    try:
        os.setsid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGCHLD, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        for number in (signal.SIGHUP, signal.SIGPIPE):  # see orders._set_signals
            signal.signal(number, signal.SIG_IGN)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.execve(argv[0], argv, environment)  # noqa: S606, that is the purpose
    except OSError as error:
        os.write(2, f"{argv[0]} can't be executed: {error.strerror}\n".encode(errors="replace"))
    finally:
        os._exit(127)


def _keep(pid: int, signals: int) -> int:
    """Does what it is told until the engine ends; gives its status, or ends as it did."""
    engine = os.pidfd_open(pid)
    poll = select.poll()
    for fd in (0, signals, engine):
        poll.register(fd, select.POLLIN)
    interrupted, killed, timeout = False, False, None
    while True:
        ready = {fd for fd, _ in poll.poll(timeout)}
        if engine in ready:
            break
        orders = b"k" if not ready else b""
        if signals in ready:
            os.read(signals, 64)
            orders += b"i"
        if 0 in ready:
            told = os.read(0, 64)
            orders += told or b"i"
            if not told:
                poll.unregister(0)
                timeout = GRACE * 1000
        for order in orders:
            if order == ord("k"):
                killed = True
                os.killpg(pid, signal.SIGKILL)
            elif order == ord("w"):
                os.kill(pid, signal.SIGSTOP)
                os.kill(pid, signal.SIGCONT)
            elif not interrupted:
                interrupted = True
                os.kill(pid, signal.SIGINT)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if killed and status == -signal.SIGKILL:
        return 128 + signal.SIGKILL
    if status < 0:
        if -status not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
