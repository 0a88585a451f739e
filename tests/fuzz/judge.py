"""Whether one input was taken as promised: read, or refused in one sentence, within bounds.

The bounds are per input: a second of processor time, so that a busy machine changes nothing, and 64 MiB of
memory and 50 times the input's size. More than a gigabyte isn't there at all (``RLIMIT_AS``).
"""

from __future__ import annotations

import contextlib
import resource
import signal
import traceback
from collections.abc import Callable, Iterator
from time import process_time

import attrs

from tracekit.errors import TracekitError

SECONDS = 1.0
ROOM = 64 << 20
TIMES = 50
_ALL = 1 << 30


class Hang(BaseException):
    """An input has had more than its time."""


@attrs.frozen
class Verdict:
    """What became of an input.

    Attributes:
        finding: what is wrong, and where, the same words for the same fault; empty if nothing is.
        details: a traceback, or the error's text.
        accepted: whether it was read and not refused.
        seconds: of the processor.
        grown: by how many bytes the process has become larger than it ever was.
    """

    finding: str = ""
    details: str = ""
    accepted: bool = False
    seconds: float = 0.0
    grown: int = 0


def limit_memory() -> None:
    """Let this process have a gigabyte more than it has."""
    with open("/proc/self/statm", encoding="ascii") as file:
        pages = int(file.read().split()[0])
    limit = pages * resource.getpagesize() + _ALL
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


def judge(read: Callable[[bytes], object], data: bytes) -> Verdict:
    """Have an input read, and look at what happens."""
    before, high = process_time(), _high_water()
    finding = details = ""
    accepted = False
    try:
        with _ends():
            read(data)
        accepted = True
    except TracekitError as error:
        finding = _wrong_with(error)
        details = str(error) if finding else ""
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        finding = f"{type(error).__name__} in {_place(error)}"
        details = "".join(traceback.format_exception(error))[-6000:]
    seconds, grown = process_time() - before, _high_water() - high
    if not finding and seconds > SECONDS:
        finding = "Hang, seen at its end"
    if not finding and grown > ROOM + TIMES * len(data):
        finding = f"{grown >> 20} MiB of memory"
    return Verdict(finding, details, accepted, seconds, grown)


def _wrong_with(error: TracekitError) -> str:
    """What is wrong with an error as people see it: its message is one line, and all of it is visible."""
    where = _place(error)
    if not error.message or not error.message.isprintable():
        return f"message that isn't one printable line, in {where}"
    if not all(line.isprintable() for line in str(error).replace("\t", " ").split("\n")):
        return f"text that isn't printable, in {where}"
    if len(error.message) > 2000:
        return f"message of {len(error.message)} characters, in {where}"
    return ""


def _place(error: BaseException) -> str:
    """The innermost place in tracekit that an error comes through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "/src/tracekit/" in f.filename] or list(frames)
    last = ours[-1]
    return f"{last.filename.rpartition('/src/')[2]}:{last.name}"


def _high_water() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


@contextlib.contextmanager
def _ends() -> Iterator[None]:
    def hangs(number: int, frame: object) -> None:
        raise Hang

    former = signal.signal(signal.SIGPROF, hangs)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, former)
