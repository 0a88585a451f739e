"""A script that a person can read, change and give to gdb: ``gdb -nx -batch -x FILE --args COMMAND``. Pure.

It has the same functions as a run, between what they call (``counting``) and what calls them (``people``).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Final

from tracekit.backends.base import Options, Script
from tracekit.backends.gdb.features import check_features
from tracekit.backends.gdb.instrument import instrument
from tracekit.backends.gdb.quoting import BACKEND, comment
from tracekit.core.arch import Architecture
from tracekit.core.probe import FunctionName, Uprobe, Uretprobe
from tracekit.core.program import Program
from tracekit.core.target import Command, Pids, SystemWide, Target
from tracekit.errors import UnsupportedError

_FUTURE: Final = "from __future__ import annotations\n"
_UNQUOTABLE: Final = frozenset("'\\\n")


def compile_script(
    program: Program,
    arch: Architecture,
    options: Options = Options(),
    target: Target | None = None,
    remarks: Sequence[str] = (),
) -> Script:
    """Compile a located program for people.

    Args:
        program: has no unresolved names.
        arch: the target's processor.
        options: ``max_keys`` and ``max_string`` matter here.
        target: whose events count; None for the command or the process that gdb is given.
        remarks: lines for the reader, which come first as comments.

    Raises:
        UnsupportedError: if gdb can't do it, or has no words for it.
        UsageError: if an expression has no meaning.
    """
    needed = check_features(program)
    made = instrument(program, (), options, arch)
    places = [
        f"tracing.place({_named(probe.function)}, {offset}, event_{number})"
        for number, clause in enumerate(program.clauses)
        for probe in clause.probes
        if isinstance(probe, Uprobe | Uretprobe)
        for offset in [probe.offset if isinstance(probe, Uprobe) else None]
    ]
    names = [m.name for m in made.plan.maps]
    parts = [
        "\n".join(map(comment, remarks)),
        "# gdb -nx -q -batch -x FILE --args COMMAND; with -p PID instead of --args for a process that runs",
        _FUTURE,
        _module("counting"),
        _module("people"),
        "start()",
        "pid = gdb.selected_inferior().pid",
        "whole = Whole()",
        f"maps = [Map({options.max_keys}) for _ in range({len(names)})]",
        f"totals = [0] * {len(program.clauses)}\n",
        made.text,
        f"tracing = Tracing({arch.stack_pointer!r}, {arch.return_shift})",
        *places,
        f"tracing.run({names!r}, maps)",
    ]
    text = "\n".join(part for part in parts if part) + "\n"
    command = ("gdb", "-nx", "-q", "-batch", "-ex", f"python exec({text!r})", *_arguments(target))
    return Script(BACKEND, text, command, needed)


def _module(name: str) -> str:
    """A module of ours that runs inside gdb, without its docstring."""
    source = resources.files(__package__).joinpath(f"{name}.py").read_text("utf-8")
    return source.split('"""', 2)[2].replace(_FUTURE, "").strip("\n") + "\n\n"


def _named(function: FunctionName) -> str:
    """A function's name as gdb takes it, between single quotes."""
    if function.is_pattern or function.address is not None or _UNQUOTABLE & set(function.text):
        raise UnsupportedError(
            feature=f"a script with the function {function.text!r}",
            backend=BACKEND,
            reason="it has to be one name that gdb can look up",
            remedy="Name the function by its symbol; 'tracekit trace' finds all the others.",
        )
    return ascii(function.text)


def _arguments(target: Target | None) -> tuple[str, ...]:
    match target:
        case Command(argv):
            return ("--args", *argv)
        case Pids((pid,)):
            return ("-p", str(pid))
        case Pids() | SystemWide():
            raise UnsupportedError(
                feature="several processes",
                backend=BACKEND,
                reason="it holds one process",
                remedy="Name one with -p PID, or give a command.",
            )
        case None:
            return ()
