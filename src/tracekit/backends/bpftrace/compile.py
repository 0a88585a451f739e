"""A script that a person can read, paste and change: the program in bpftrace's own words. Pure.

Names stay names, and maps are the engine's own. What a run uses is made by ``instrument``, with the same
expressions.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from tracekit.backends.base import Options, Script
from tracekit.backends.bpftrace.attach import symbolic
from tracekit.backends.bpftrace.bucketing import bucketing
from tracekit.backends.bpftrace.emit import BACKEND, Emitter
from tracekit.backends.bpftrace.features import check_features
from tracekit.backends.bpftrace.quoting import comment
from tracekit.core.aggregation import Count, Distribution, Scalar
from tracekit.core.arch import Architecture
from tracekit.core.buckets import Linear, Log2
from tracekit.core.expr import Arg, Builtin, BuiltinName, type_of
from tracekit.core.probe import Interval, Uprobe, Uretprobe
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.core.target import Command, Pids, Target
from tracekit.core.types import INT64, UINT64

_NATIVE_BUCKETS: Final = 1000
_NATIVE_BOUND: Final = (1 << 31) - 1


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
        options: only ``max_string`` and ``max_keys`` matter here.
        target: whose events count; None for every process.
        remarks: lines for the reader, which come first as comments.

    Raises:
        UnsupportedError: if bpftrace can't do it, or has no words for it.
        UsageError: if an expression has no meaning.
    """
    needed = check_features(program)
    lines = [*map(comment, remarks), *_hints(program, arch)]
    for number, clause in enumerate(program.clauses):
        lines += ["", *_clause(number, clause, arch, options, target)]
    text = "\n".join(lines) + "\n"
    return Script(BACKEND, text, ("bpftrace", "-e", text, *_target_arguments(target)), needed)


def _hints(program: Program, arch: Architecture) -> Iterator[str]:
    """What a reader can't see in the script."""
    entries = [c for c in program.clauses if any(isinstance(p, Uprobe) for p in c.probes)]
    indexes = {e.index for c in entries for e in c.expressions if isinstance(e, Arg)}
    for index in sorted(indexes):
        if index < len(arch.arguments):
            yield comment(f"arg{index} is the register {arch.arguments[index]} on {arch.name}")
        else:
            yield comment(f"arg{index} is on the stack on {arch.name}")
    if any(isinstance(p, Uretprobe) for c in program.clauses for p in c.probes):
        yield comment(
            "a uretprobe ends Go programs, and others when an exception passes; 'tracekit trace' doesn't"
        )
    functions = [a.function for c in program.clauses for a in c.aggregates]
    schemes = [f.scheme for f in functions if isinstance(f, Distribution)]
    if Log2() in schemes:
        yield comment("hist() puts all values from 2 Gi on into one row in bpftrace before 0.20")
    if any(isinstance(s, Log2) and s.bits for s in schemes):
        yield comment("hist(x, bits) needs bpftrace 0.20 or later")
    if any(isinstance(f, Scalar) and f.moment.value in ("min", "max") for f in functions):
        yield comment("min() and max() are wrong for large or negative values in bpftrace 0.17")


def _clause(
    number: int, clause: Clause, arch: Architecture, options: Options, target: Target | None
) -> Iterator[str]:
    sites = [symbolic(p) for p in clause.probes]
    emitter = Emitter(arch, arguments=sites[0].arguments, retval=sites[0].retval, max_string=options.max_string)
    process = _process_condition(target) if not _is_timer(clause) else ""
    conditions = [process] if process else []
    body: list[str] = []
    if Builtin(BuiltinName.ELAPSED) in clause.expressions:
        stack = f'(uint64)reg("{arch.register(arch.stack_pointer)}")'
        started = f"@started{number}[tid, {stack} - (uint64){arch.return_shift}]"
        entries = ", ".join(site.entry for site in sites)
        head = f" /{process}/" if process else ""
        yield f"{entries}{head} {{ @started{number}[tid, {stack}] = nsecs; }}"
        conditions.append(f"{started} != 0")
        body += [f"$elapsed = (uint64)nsecs - (uint64){started};", f"delete({started});"]
    inner = [line for n, a in enumerate(clause.aggregates) for line in _aggregate(n, a, emitter)]
    if clause.where is not None:
        where = attrs.evolve(emitter, statements=[])
        condition = where.condition(clause.where)
        before = where.take_statements()
        if body or before:
            inner = [*before, f"if ({condition}) {{", *(f"  {line}" for line in inner), "}"]
        else:
            conditions.append(condition)
    yield ",\n".join(site.attach for site in sites)
    if conditions:
        yield f"/{' && '.join(conditions)}/"
    yield "{"
    yield from (f"  {line}" for line in [*body, *inner])
    yield "}"


def _is_timer(clause: Clause) -> bool:
    return all(isinstance(p, Interval) for p in clause.probes)


def _aggregate(place: int, aggregate: Aggregate, emitter: Emitter) -> Iterator[str]:
    keys = [
        emitter.number(k) if isinstance(type_of(k), type(INT64)) else emitter.string(k) for k in aggregate.keys
    ]
    match aggregate.function:
        case Count():
            function = "count()"
        case Scalar(moment, value):
            function = f"{moment.value}({emitter.own(value)})"
        case Distribution(value, Log2(bits)):
            function = f"hist({emitter.own(value)}{f', {bits}' if bits else ''})"
        case Distribution(value, Linear() as scheme) if _is_native(scheme):
            function = f"lhist({emitter.own(value)}, {scheme.lo}, {scheme.hi}, {scheme.step})"
        case Distribution(value, scheme):
            # The engine has no such buckets: a value of each one is a key.
            word = UINT64 if type_of(value) == UINT64 else INT64
            text = emitter.explicit(value, word)
            yield comment("bpftrace has no such buckets: the last key is a value inside of each")
            yield from emitter.take_statements()
            yield f"$x{place} = {text};"
            yield from bucketing(scheme, word, f"$x{place}", f"$x{place}b")
            keys.append(f"$x{place}b")
            function = "count()"
    yield from emitter.take_statements()
    index = f"[{', '.join(keys)}]" if keys else ""
    yield f"@{aggregate.name}{index} = {function};"


def _is_native(scheme: Linear) -> bool:
    """Whether ``lhist`` is right everywhere: beyond these limits it is refused, or loses data silently."""
    return scheme.lo >= 0 and scheme.hi <= _NATIVE_BOUND and scheme.size <= _NATIVE_BUCKETS


def _process_condition(target: Target | None) -> str:
    match target:
        case Pids(pids):
            both = " || ".join(f"pid == {pid}" for pid in pids)
            return f"({both})" if len(pids) > 1 else both
        case Command():
            return "pid == cpid"
        case _:
            return ""


def _target_arguments(target: Target | None) -> tuple[str, ...]:
    """``-c`` for a command; bpftrace splits it at white space and knows no quotes."""
    if not isinstance(target, Command) or any(shlex.quote(word) != word for word in target.argv):
        return ()
    return ("-c", " ".join(target.argv))
