"""Attach points: where probes go, in bpftrace's words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, assert_never

from tracekit.backends.bpftrace.emit import BACKEND
from tracekit.backends.bpftrace.quoting import quote
from tracekit.backends.calls import Call
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

_RESULT: Final = {"x86_64": "rax", "aarch64": "x0"}
_BARE: Final = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*")


@frozen
class Site:
    """One place at which a probe fires.

    Attributes:
        attach: the attach point, or several, separated by commas.
        entry: of a function's return, the attach point of its entry; empty for other probes.
        function: the function's name, for ``func``.
        guard: a condition without which the event is another one's repetition; empty for none.
        arguments: what ``argN`` are, where they don't follow the C convention.
        retval: what ``retval`` is.
        call: of a function's return, what tells its calls apart.
    """

    attach: str
    entry: str = ""
    function: str = ""
    guard: str = ""
    arguments: tuple[str, ...] | None = None
    retval: str = "retval"
    call: Call = Call.UNWOUND


def numeric(probe: Uprobe | Uretprobe, path: str, address: int, function: str, guard: str = "") -> Site:
    """A function's site by a path of ours and a virtual address, which no name can confuse.

    Args:
        probe: which end of the function.
        path: such as ``/proc/SELF/fd/N``, of our own open descriptor.
        address: where the function, or the instruction in it, is in the file's own numbering.
        function: its name.
        guard: see ``Site``.
    """
    place = f"{quote(path)}:{address:#x}"
    if isinstance(probe, Uprobe):
        return Site(f"uprobe:{place}", function=function, guard=guard)
    return Site(f"uretprobe:{place}", f"uprobe:{place}", function)


def exits(
    path: str, entry: int, addresses: Sequence[int], function: str, arch: Architecture, *, goroutine: bool
) -> Site:
    """The site of a function's return, by its return instructions.

    Source of ``retval``: System V AMD64 ABI 1.0, 3.2.3 (rax); AAPCS64 (2024Q3), 6.9 (x0); Go's
    ``src/cmd/compile/abi-internal.md``, which has the same registers.

    Args:
        path: as in ``numeric``.
        entry: where the function is entered, in the file's own numbering.
        addresses: where its return instructions are.
        function: its name.
        arch: the target's processor.
        goroutine: whether it runs on a goroutine's stack.
    """
    return Site(
        ", ".join(f"uprobe:{quote(path)}:{address:#x}" for address in addresses),
        f"uprobe:{quote(path)}:{entry:#x}",
        function,
        retval=f'reg("{arch.register(_RESULT[arch.name])}")',
        call=Call.GOROUTINE if goroutine else Call.THREAD,
    )


def symbolic(probe: Probe) -> Site:
    """A probe's site by the names in the program, for a person to read and paste.

    Raises:
        UnsupportedError: if bpftrace would read the name as something else.
    """
    match probe:
        case Uprobe(binary, function, offset):
            place = f"{_spelled(binary)}:{_function(function)}"
            attach = f"uprobe:{place}" + (f"+{offset}" if offset else "")
            return Site(attach, "", function.text)
        case Uretprobe(binary, function):
            place = f"{_spelled(binary)}:{_function(function)}"
            return Site(f"uretprobe:{place}", f"uprobe:{place}", function.text)
        case Usdt(binary, provider, name):
            return Site(f"usdt:{_spelled(binary)}:{_spelled(provider)}:{_spelled(name)}")
        case Syscall():
            return syscall(probe, ())
        case Interval(unit, count):
            return Site(f"interval:{unit}:{count}")
        case Profile(unit, count):
            return Site(f"profile:{unit}:{count}")
        case _:
            assert_never(probe)


def syscall(probe: Syscall, arguments: Sequence[str]) -> Site:
    """A system call's site.

    Args:
        probe: which end of which call.
        arguments: the names that the kernel gives the call's arguments.
    """
    end = "enter" if probe.side is Side.ENTRY else "exit"
    return Site(
        f"tracepoint:syscalls:sys_{end}_{_word(probe.name)}",
        arguments=tuple(f"args->{name}" for name in arguments),
        retval="args->ret",
    )


def _function(function: FunctionName) -> str:
    if (address := function.address) is not None:
        return f"{address:#x}"
    return _spelled(function.text, star=not function.exact)


def _spelled(text: str, star: bool = False) -> str:
    """A name in quotes, if every version from 0.17 on reads it as it is."""
    wrong = next((c for c in text if c in '":\\' or (c == "*" and not star)), None)
    if wrong is not None:
        raise UnsupportedError(
            feature=f"a script with the name {text!r}",
            backend=BACKEND,
            reason=f"it reads {wrong!r} in a name as something else, even in quotes",
            remedy="'tracekit trace' attaches by address and has no such limit.",
        )
    return text if _BARE.fullmatch(text) else quote(text)


def _word(name: str) -> str:
    """A system call's name: nothing else may stand in a tracepoint's."""
    if not (name.isascii() and name.replace("_", "a").isalnum()):
        raise UnsupportedError(
            feature=f"the system call {name!r}",
            backend=BACKEND,
            reason="names of system calls have letters, digits and underscores only",
        )
    return name
