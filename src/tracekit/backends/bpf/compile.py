"""A program's eBPF instructions, for a person to read. Pure.

Names stay names: points are told as the program has them, and not where they are in a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from tracekit.backends.base import Options, Script
from tracekit.backends.bpf.assembler import BACKEND
from tracekit.backends.bpf.features import check_features
from tracekit.backends.bpf.instrument import instrument
from tracekit.backends.bpf.programs import Whose
from tracekit.backends.bpf.sites import Named, Site, of_syscall, of_timer, result_of
from tracekit.backends.calls import Call
from tracekit.core.arch import Architecture
from tracekit.core.expr import Load, Str
from tracekit.core.probe import Interval, Probe, Profile, Syscall, Uprobe, Uretprobe, Usdt
from tracekit.core.program import Program
from tracekit.core.target import Pids, Target
from tracekit.errors import UnsupportedError


def compile_script(
    program: Program,
    arch: Architecture,
    options: Options = Options(),
    target: Target | None = None,
    remarks: Sequence[str] = (),
) -> Script:
    """Compile a located program for people; the same instructions as a run has, but for the points.

    Args:
        program: has no unresolved names.
        arch: the target's processor.
        options: see ``Options``.
        target: whose events count; None for every process.
        remarks: lines for the reader, which come first as comments.

    Raises:
        UnsupportedError: if eBPF can't do it, or the binary is needed.
        UsageError: if an expression has no meaning.
    """
    needed = check_features(program)
    sites = {probe: (_site(probe, arch),) for clause in program.clauses for probe in clause.probes}
    pids = target.pids if isinstance(target, Pids) else ()
    sleeps = any(isinstance(e, Load | Str) for c in program.clauses for e in c.expressions)
    found = instrument(program, sites, Whose(pids), options, arch, sleeps=sleeps)
    text = "".join(f"; {remark}\n" for remark in remarks) + found.text
    return Script(BACKEND, text, (), needed)


def _site(probe: Probe, arch: Architecture) -> Site:
    match probe:
        case Uprobe(binary, function, offset):
            place = f"{binary}:{function.text}" + (f"+{offset}" if offset else "")
            return Site(Named(place), function=function.text, bare=not offset)
        case Uretprobe(binary, function):
            place = f"{binary}:{function.text}"
            return Site(
                Named(f"return of {place}"),
                Named(place),
                function.text,
                retval=result_of(arch),
                call=Call.UNWOUND,
            )
        case Usdt(binary, provider, name):
            raise UnsupportedError(
                feature=f"the tracepoint {provider}:{name}",
                backend=BACKEND,
                reason=f"where its arguments are stands in {binary}, and a script is made without it",
                remedy="'tracekit trace -v' shows the program.",
            )
        case Syscall(name, side):
            return of_syscall(name, side)
        case Interval() | Profile():
            return of_timer(probe)
        case _:
            assert_never(probe)
