"""Compiles a program into an engine's script; nothing is run, on any system."""

from __future__ import annotations

import platform

from tracekit.backends.base import Options, Script
from tracekit.backends.registry import backend as find_backend
from tracekit.core.arch import architecture
from tracekit.core.program import Program, check
from tracekit.core.target import Target


def compile_program(
    program: Program,
    *,
    backend: str = "bpftrace",
    arch: str | None = None,
    options: Options = Options(),
    target: Target | None = None,
) -> Script:
    """Compile a program for a person to read or paste.

    Args:
        program: what is asked.
        backend: the engine's name.
        arch: the target's processor, such as ``x86_64``; None for this machine's.
        options: see ``Options``.
        target: whose events count; None for every process.

    Raises:
        UnsupportedError: if the engine can't do it.
        UsageError: if the program has no meaning.
    """
    check(program)
    return find_backend(backend).compile(program, architecture(arch or platform.machine()), options, target)
