"""Compiles a program into an engine's script; nothing is run, on any system."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence

import attrs

from tracekit.backends.base import Options, Script
from tracekit.backends.registry import backend as find_backend
from tracekit.binaries import Binary
from tracekit.core.arch import architecture
from tracekit.core.probe import FunctionProbe
from tracekit.core.program import Program, check
from tracekit.core.target import Target
from tracekit.errors import BinaryError
from tracekit.symbols.function import Function
from tracekit.symbols.golang import after_stack_check
from tracekit.syntax import print_program
from tracekit.workflow.binaries import functions_of
from tracekit.workflow.knowledge import Knowledge
from tracekit.workflow.resolve import Site, in_words, is_resolved, resolve_apart


def compile_program(
    program: Program,
    *,
    backend: str = "bpftrace",
    arch: str | None = None,
    system: str | None = None,
    options: Options = Options(),
    target: Target | None = None,
) -> Script:
    """Compile a program for a person to read or paste.

    Binaries are read only if the program has names of arguments: those of this system or another one's.

    Args:
        program: what is asked.
        backend: the engine's name.
        arch: the target's processor, such as ``x86_64``; None for that of the binaries, or this machine's.
        system: the target's system, ``linux``, ``macos``, ``illumos`` or ``freebsd``; None for this one.
        options: see ``Options``.
        target: whose events count; None for every process.

    Raises:
        UnsupportedError: if the engine can't do it.
        UsageError: if the program has no meaning.
        UnresolvedError: if a name means nothing, or its place isn't known well enough.
        BinaryError: if the program has names, and a binary can't be read.
    """
    check(program)
    options = attrs.evolve(options, system=system or platform.system())
    found = find_backend(backend)
    text = print_program(program).split("\n")
    if is_resolved(program):
        return found.compile(program, architecture(arch or platform.machine()), options, target, text)
    knowledge = Knowledge()
    machines: set[str] = set()
    remarks: list[str] = []

    def sites(probe: FunctionProbe) -> list[Site]:
        binary, functions = functions_of(probe.binary, probe.function, knowledge, arch or "")
        machines.add(binary.machine)
        remarks.extend(_grown(binary, functions))
        return [Site(knowledge.of(binary, f), f) for f in functions]

    resolved = resolve_apart(program, sites, options.require)
    if len(machines) > 1:
        raise BinaryError(f"the binaries are for different processors: {', '.join(sorted(machines))}")
    names = [in_words(resolution) for resolution in resolved.resolutions]
    return found.compile(
        resolved.program,
        architecture(machines.pop()),
        options,
        target,
        [*text, *names, *resolved.notes, *remarks],
    )


def _grown(binary: Binary, functions: Sequence[Function]) -> Iterator[str]:
    """What a reader should know of Go functions, which start once more when their stack grows."""
    for function in functions if binary.is_go else ():
        if (check := binary.ask(after_stack_check, function)) is not None:
            yield (
                f"some calls count twice, as Go enters {function.name} once more when its stack grows; probe "
                f"{function.name}+{check.offset} with bpftrace 0.23 or later, as 'tracekit trace' does"
            )
