"""The faults: what each does to a run before it starts, and at the moment that was drawn for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from tests.faults.soak.run import Run

Act = Callable[["Run"], None]


def nothing(_: Run) -> None:
    """Nothing happens."""


@attrs.frozen
class Fault:
    """A kind of fault.

    Attributes:
        strike: what happens at the moment.
        prepare: what is changed before the start.
        undo: what happens some time after the moment.
        ends: whether it asks tracekit for its result.
        ends_target: whether the target doesn't end as it would alone.
        ends_tracekit: whether tracekit is killed.
        attached: whether only targets that run already can have it.
        weight: how often it is drawn.
        refused: backends for which it isn't done: what comes of it is documented, or they have no process.
    """

    strike: Act = nothing
    prepare: Act = nothing
    undo: Act = nothing
    ends: bool = False
    ends_target: bool = False
    ends_tracekit: bool = False
    attached: bool = False
    weight: int = 1
    refused: tuple[str, ...] = ()


def _signal(number: int, times: int = 1) -> Act:
    def strike(run: Run) -> None:
        for _ in range(times):
            run.tracekit.send_signal(number)

    return strike


def _to_engine(number: int) -> Act:
    def strike(run: Run) -> None:
        run.signal_engine(number)

    return strike


def _to_target(number: int) -> Act:
    def strike(run: Run) -> None:
        pid = run.ledger["pid"]
        if not pid:
            raise ProcessLookupError
        os.kill(pid, number)

    return strike


def _replace(run: Run) -> None:
    newer = run.folder / "newer"
    newer.write_bytes(b"#!/bin/true\n")
    newer.chmod(0o755)
    newer.rename(run.binary)


def _delete(run: Run) -> None:
    run.binary.unlink()


def _stdout(kind: str) -> Act:
    def prepare(run: Run) -> None:
        run.stdout = kind

    return prepare


def _options(*options: str) -> Act:
    def prepare(run: Run) -> None:
        run.options += options

    return prepare


def _limits(option: str, least: int, most: int) -> Act:
    """A resource limit somewhere between two values."""

    def prepare(run: Run) -> None:
        value = least + run.plan.dice % (most - least + 1)
        run.prefix += ["prlimit", f"--{option}={value}", "--"]

    return prepare


def _memory(run: Run) -> None:
    run.memory = (12 + run.plan.dice % 120) << 20


def _several(run: Run) -> None:
    run.beside = 1 + run.plan.dice % 2


def _hostile(run: Run) -> None:
    marker = run.folder / "marker"
    shell = f"shell touch {marker}\npython open({str(marker)!r}, 'w')\n"
    for folder in (run.cwd, run.home):
        (folder / ".gdbinit").write_text(shell)
        (folder / ".gdbearlyinit").write_text(shell)
        (folder / "sitecustomize.py").write_text(f"open({str(marker)!r}, 'w')\n")
    (run.folder / f"{run.binary.name}-gdb.gdb").write_text(shell)
    (run.folder / f"{run.binary.name}-gdb.py").write_text(f"open({str(marker)!r}, 'w')\n")
    run.environment |= {
        "BPFTRACE_STRLEN": "9", "BPFTRACE_MAX_MAP_KEYS": "1", "BPFTRACE_MAP_KEYS_MAX": "1",
        "BPFTRACE_MAX_PROBES": "1", "BPFTRACE_CACHE_USER_SYMBOLS": "x", "BPFTRACE_BTF": "/nonexistent",
        "DTRACE_OPT_QUIET": "1", "DTRACE_OPT_AGGSIZE": "16", "DTRACE_DEBUG": "1",
        "GDBHISTFILE": str(marker), "LC_ALL": "tr_TR.UTF-8", "TERM": "vt\x1b[2J",
        "COLUMNS": "1", "PYTHONHASHSEED": "7", "DEBUGINFOD_URLS": "http://127.0.0.1:1",
        "MALLOC_ARENA_MAX": "1",
    }  # fmt: skip


def _as_another(run: Run) -> None:
    run.become("65534")


FAULTS: Mapping[str, Fault] = {
    "none": Fault(weight=3),
    "SIGINT": Fault(_signal(signal.SIGINT), ends=True, weight=2),
    "SIGINT twice": Fault(_signal(signal.SIGINT, 2), undo=_signal(signal.SIGINT), ends=True, weight=2),
    "SIGTERM": Fault(_signal(signal.SIGTERM), ends=True, weight=2),
    "SIGHUP": Fault(_signal(signal.SIGHUP), ends=True, weight=2),
    "SIGKILL to tracekit": Fault(_signal(signal.SIGKILL), ends_tracekit=True, weight=4),
    "SIGKILL to the engine": Fault(_to_engine(signal.SIGKILL), weight=4, refused=("bpf", "gdb", "dtrace")),
    "SIGTERM to the engine": Fault(_to_engine(signal.SIGTERM), weight=1, refused=("bpf", "gdb")),
    "engine stopped for a while": Fault(
        _to_engine(signal.SIGSTOP), undo=_to_engine(signal.SIGCONT), weight=2, refused=("bpf",)
    ),
    "tracekit stopped for a while": Fault(_signal(signal.SIGSTOP), undo=_signal(signal.SIGCONT), weight=2),
    "terminal suspended": Fault(_signal(signal.SIGTSTP), undo=_signal(signal.SIGCONT)),
    "target killed": Fault(_to_target(signal.SIGKILL), ends_target=True, weight=2),
    "target ended by SIGTERM": Fault(_to_target(signal.SIGTERM), ends_target=True),
    "target ended by SIGSEGV": Fault(_to_target(signal.SIGSEGV), ends_target=True),
    "target stopped for a while": Fault(_to_target(signal.SIGSTOP), undo=_to_target(signal.SIGCONT), weight=2),
    "file replaced": Fault(_replace, weight=2),
    "file deleted": Fault(_delete, weight=2),
    "standard output closed": Fault(prepare=_stdout("closed")),
    "standard output full": Fault(prepare=_stdout("/dev/full")),
    "reader gone": Fault(prepare=_stdout("gone")),
    "pipe not read for a while": Fault(prepare=_stdout("pipe"), weight=2),
    "disk full for -o": Fault(prepare=_stdout("full disk"), weight=2),
    "-o and as another user": Fault(prepare=_as_another, weight=2),
    "few descriptors": Fault(prepare=_limits("nofile", 8, 60), weight=2),
    "no file may grow": Fault(prepare=_limits("fsize", 0, 4096)),
    "little address space": Fault(prepare=_limits("as", 60 << 20, 600 << 20), attached=True, weight=2),
    # The kernel may then kill gdb, which is as bad for what it holds as anybody's SIGKILL.
    "little memory": Fault(prepare=_memory, attached=True, weight=2, refused=("gdb",)),
    "little room for keys": Fault(prepare=_options("--max-keys", "8"), weight=2),
    "hostile surroundings": Fault(prepare=_hostile, weight=2),
    "several tracekits at once": Fault(prepare=_several, attached=True, weight=2),
}  # fmt: skip
"""All kinds, by the names under which they are counted."""
