"""Where probes go, in D's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

from tracekit.backends.calls import Call
from tracekit.backends.dtrace.dialect import Dialect
from tracekit.backends.dtrace.emit import register
from tracekit.backends.dtrace.quoting import BACKEND, module_name, probe_name
from tracekit.core.arch import Architecture
from tracekit.core.probe import (
    FunctionName,
    Interval,
    Probe,
    Profile,
    Side,
    Syscall,
    Uprobe,
    Uretprobe,
    Usdt,
)  # fmt: skip
from tracekit.errors import UnsupportedError
from tracekit.values import frozen


@frozen
class Site:
    """One place at which a probe fires, or several that are the same to a program.

    Attributes:
        probes: descriptions of probes.
        entries: of a function's return, those of its entry; empty for other probes.
        function: the function's name, for ``func``.
        retval: what ``retval`` is.
        call: of a function's return, what tells its calls apart.
    """

    probes: tuple[str, ...]
    entries: tuple[str, ...] = ()
    function: str = ""
    retval: str = "arg1"
    call: Call = Call.UNWOUND


def entry(pid: int, module: str, address: int, function: str) -> Site:
    """The site of an instruction of a running process, which no name can confuse.

    The function ``-`` has all of a process's memory, and a probe's name is then the address itself
    (``dt_pid.c``, ``dt_pid_per_sym``).

    Args:
        pid: the process.
        module: the file's name, without folders, as it is loaded there.
        address: where the instruction is in the process's memory.
        function: the function's name.
    """
    return Site((_address(pid, module, address),), function=function)


def exits(
    pid: int,
    module: str,
    start: int,
    addresses: Sequence[int],
    function: str,
    arch: Architecture,
    *,
    goroutine: bool,
) -> Site:
    """The site of a function's return, by its return instructions.

    Args:
        pid: as in ``entry``.
        module: as in ``entry``.
        start: where the function is entered, in the process's memory.
        addresses: where its return instructions are.
        function: its name.
        arch: the target's processor.
        goroutine: whether it runs on a goroutine's stack.
    """
    return Site(
        tuple(_address(pid, module, address) for address in addresses),
        (_address(pid, module, start),),
        function,
        retval=register(arch, arch.results[0]),
        call=Call.GOROUTINE if goroutine else Call.THREAD,
    )


def by_name(
    probe: Probe, arch: Architecture, dialect: Dialect, processes: Sequence[str] = ("$target",)
) -> Site:
    """A probe's site by the names in the program.

    Args:
        probe: the probe.
        arch: the target's processor.
        dialect: the system's DTrace.
        processes: the processes in whose memory functions and static probes are, as numbers or ``$target``.

    Raises:
        UnsupportedError: if D has no words for it.
    """
    match probe:
        case Uprobe(binary, function, offset):
            if offset and arch.name not in dialect.offsets:
                raise UnsupportedError(
                    feature="probes inside a function",
                    backend=BACKEND,
                    reason=f"the pid provider has none for {arch.name} on {dialect.name}",
                    remedy="Probe the function's entry.",
                )
            name = f"{offset:x}" if offset else "entry"
            return Site(tuple(_function(binary, function, name, dialect, processes)), function=function.text)
        case Uretprobe(binary, function):
            ends = {n: tuple(_function(binary, function, n, dialect, processes)) for n in ("entry", "return")}
            return Site(ends["return"], ends["entry"], function.text)
        case Usdt(binary, provider, name):
            module = _module(binary, dialect)
            place = f"{module}::{probe_name(name, dialect)}"
            words = probe_name(provider, dialect)
            return Site(tuple(f"{words}{process}:{place}" for process in processes))
        case Syscall(name, side):
            end = "entry" if side is Side.ENTRY else "return"
            return Site((f"syscall::{_syscall(name)}:{end}",))
        case Interval(unit, count):
            return Site((f"tick-{_count(count)}{unit}",))
        case Profile(unit, count):
            return Site((f"profile-{_count(count)}{unit}",))
        case _:
            assert_never(probe)


def _address(pid: int, module: str, address: int) -> str:
    return f"pid{pid}:{module_name(module)}:-:{address:x}"


def _function(
    binary: str, function: FunctionName, name: str, dialect: Dialect, processes: Sequence[str]
) -> Iterator[str]:
    if function.address is not None:
        raise UnsupportedError(
            feature=f"a script with the address {function.text}",
            backend=BACKEND,
            reason="it takes addresses for those in the process's memory, which a PIE has anew each time",
            remedy="Name the function by its symbol; 'tracekit trace' looks up where the file is loaded.",
        )
    spelled = probe_name(function.text, dialect, star=not function.exact)
    for process in processes:
        yield f"pid{process}:{_module(binary, dialect)}:{spelled}:{name}"


def _module(binary: str, dialect: Dialect) -> str:
    """A binary's name as the engine has it: the file's; ``libc`` stands for the library of that name."""
    name = binary.rpartition("/")[2]
    if name == binary and name.startswith("lib") and "." not in name:
        return f"{module_name(name)}{dialect.library}"
    return module_name(name)


def _syscall(name: str) -> str:
    if not (name.isascii() and name.replace("_", "a").isalnum()):
        raise UnsupportedError(
            feature=f"the system call {name!r}",
            backend=BACKEND,
            reason="names of system calls have letters, digits and underscores only",
        )
    return name


def _count(count: int) -> int:
    if count >= 1 << 31:
        raise UnsupportedError(
            feature=f"a timer of {count} units",
            backend=BACKEND,
            reason="its numbers have 32 bits there",
            remedy="Use a larger unit.",
        )
    return count
