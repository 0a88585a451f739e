"""What engines refuse, each with its reason: all that a cell may be but equal to the truth."""

from __future__ import annotations

import attrs


@attrs.frozen
class Refusal:
    """An ``UnsupportedError`` that some cells must end with.

    Attributes:
        engines: how the columns' names begin: ``dtrace``, ``bpftrace 0.17``; the empty string for all.
        cases: the cases' names.
        feature: what the engine can't do, as the error has it.
        reason: why not, as the error has it.
    """

    engines: str
    cases: tuple[str, ...]
    feature: str
    reason: str


_DYNAMIC = "it traces dynamically linked programs only"
_NOT_YET = "it probes what is loaded when it begins, and the process has not loaded this file"
_PLACES = (
    "it takes an address's distance from the file's first one for its place in the file, and here they differ, "
    "as lld makes them"
)
_SEMAPHORE = (
    "the kernel would switch it on at a wrong address, since the page of the file with its semaphore is twice "
    "in memory, as lld makes it"
)
_STOPS = "tracekit has it stop at functions only"
_GENERAL = "it reads general registers only"
_FLOATS = (
    "name-float",
    "name-float-struct",
    "name-float-stack",
    "name-go-float",
    "return-float",
    "float-unfit",
)
_TIMER = "it has no timer that stops a target"

REFUSALS = (
    Refusal(
        "bpftrace 0.17",
        ("entry-offset",),
        "probes inside a function",
        "this one was built without the means to check where instructions begin",
    ),
    Refusal(
        "bpftrace 0.17",
        ("return-exception",),
        "the return of _ZN4shop5checkEl",
        "this one can't probe inside a function, and a return probe would end this program",
    ),
    Refusal("bpf", ("lld-usdt",), "the tracepoint sample:plain", _SEMAPHORE),
    Refusal("bpf", ("floats",), "floating-point values", "it has no arithmetic of floating-point numbers"),
    Refusal("bpf", _FLOATS, "vector registers", _GENERAL),
    *(
        Refusal(engine, ("ustack",), "ustack", "it prints addresses without names once the target has ended")
        for engine in ("bpftrace", "dtrace", "gdb")
    ),
    Refusal("dtrace", ("static",), "the functions of ./calls_static", _DYNAMIC),
    Refusal(
        "dtrace",
        ("go-stack-growth", "name-go", "name-go-string", "return-go"),
        "the functions of ./names_go",
        _DYNAMIC,
    ),
    Refusal("dtrace", ("lld",), "the functions of ./calls_lld", _PLACES),
    Refusal("dtrace", ("name-rust", "name-rust-string", "return-rust"), "the functions of ./names_rs", _PLACES),
    Refusal("dtrace", ("late",), "the functions of ./liblate.so", _NOT_YET),
    Refusal("dtrace", ("exec",), "the functions of ./calls_exec", _NOT_YET),
    Refusal(
        "dtrace",
        ("stripped-address",),
        "the address 0x402000 of ./calls_stripped",
        "it probes only addresses that a symbol covers",
    ),
    Refusal(
        "dtrace", ("forks-follow",), "--follow", "its probes are in one process, and not in those that it forks"
    ),
    Refusal(
        "dtrace",
        ("key-too-many",),
        "the keys of @",
        "it has 8 keys at most, and 9 are needed, for the bucket and sizes as well",
    ),
    Refusal(
        "dtrace",
        ("floats",),
        "floating-point values",
        "D has no floating-point arithmetic",
    ),
    Refusal("dtrace", _FLOATS, "vector registers", _GENERAL),
    Refusal("gdb", ("usdt", "lld-usdt"), "usdt probes", _STOPS),
    Refusal("gdb", ("syscall-entry",), "system call entry probes", _STOPS),
    Refusal("gdb", ("syscall-return",), "system call return probes", _STOPS),
    Refusal("gdb", ("interval",), "interval probes", _TIMER),
    Refusal("gdb", ("profile",), "profile probes", _TIMER),
    Refusal("gdb", ("forks-follow",), "--follow", "it lets go of the processes that the target forks"),
)


def refusal(case: str, column: str) -> Refusal | None:
    """What a cell must be refused with; None if it must be run."""
    found = [r for r in REFUSALS if case in r.cases and column.startswith(r.engines)]
    assert len(found) < 2, f"{case} on {column} is in two lines of the table"
    return found[0] if found else None
