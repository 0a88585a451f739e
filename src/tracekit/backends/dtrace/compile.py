"""A script that a person can read, paste and change: the program in D's own words. Pure.

Names stay names, and maps are the engine's own wherever its rows are the model's. What a run uses is made by
``instrument``, with the same expressions.
"""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator, Sequence

from tracekit.backends.base import Options, Script
from tracekit.backends.dtrace.attach import by_name
from tracekit.backends.dtrace.bucketing import bucketing
from tracekit.backends.dtrace.clauses import both, clause, clauses
from tracekit.backends.dtrace.dialect import KEYS, LINEAR_BOUND, LINEAR_STEP, Dialect
from tracekit.backends.dtrace.elapsed import started
from tracekit.backends.dtrace.emit import Emitter, Statement, bare
from tracekit.backends.dtrace.features import check_features, too_many_keys
from tracekit.backends.dtrace.quoting import BACKEND, comment
from tracekit.backends.plan import integer_type, uses, word
from tracekit.core.aggregation import Count, Distribution, Moment, Scalar
from tracekit.core.arch import Architecture
from tracekit.core.buckets import Linear, Log2, LogLinear, Scheme
from tracekit.core.expr import Arg, BuiltinName, Expr, Load, Str, type_of
from tracekit.core.probe import FunctionProbe, Interval, Probe, Uprobe, Uretprobe, Usdt
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.core.target import Command, Pids, SystemWide, Target
from tracekit.core.types import UINT64, IntType
from tracekit.errors import UnsupportedError

_FIGURES = {
    Moment.SUM: ("sum",),
    Moment.MIN: ("min",),
    Moment.MAX: ("max",),
    Moment.AVG: ("avg",),
    Moment.STATS: ("count", "avg", "sum", "min", "max"),
}
"""D's aggregations for a moment; of several, each has a map of its own."""


def compile_script(
    program: Program,
    arch: Architecture,
    dialect: Dialect,
    options: Options = Options(),
    target: Target | None = None,
    remarks: Sequence[str] = (),
) -> Script:
    """Compile a located program for people.

    Args:
        program: has no unresolved names.
        arch: the target's processor.
        dialect: the system's DTrace.
        options: only ``max_string`` matters here.
        target: whose events count; None for the process that dtrace is given by ``-p`` or ``-c``.
        remarks: lines for the reader, which come first as comments.

    Raises:
        UnsupportedError: if DTrace can't do it, or has no words for it.
        UsageError: if an expression has no meaning.
    """
    needed = check_features(program)
    writer = _Writer(program, arch, dialect, options, target)
    lines = [*map(comment, remarks), *_hints(program, arch, target)]
    for number, of in enumerate(program.clauses):
        lines += ["", *writer.clause(number, of)]
    if len(writer.names) > 1:
        # Without it dtrace prints all maps one after the other, and none of their names.
        prints = [f'printf("\\n@{name}:\\n"); printa(@{name});' for name in writer.names]
        lines += ["", clause(["END"], "", prints)]
    text = "\n".join(lines) + "\n"
    return Script(BACKEND, text, ("dtrace", "-q", "-n", text, *_target_arguments(target)), needed)


def _hints(program: Program, arch: Architecture, target: Target | None) -> Iterator[str]:
    """What a reader can't see in the script."""
    entries = [c for c in program.clauses if any(isinstance(p, Uprobe) for p in c.probes)]
    indexes = {e.index for c in entries for e in c.expressions if isinstance(e, Arg)}
    for index in sorted(indexes):
        where = f"the register {arch.arguments[index]}" if index < len(arch.arguments) else "on the stack"
        yield comment(f"arg{index} is {where} on {arch.name}")
    probes = [p for c in program.clauses for p in c.probes]
    if target is None and any(isinstance(p, FunctionProbe | Usdt) for p in probes):
        yield comment("$target is the process that dtrace is given: -c COMMAND or -p PID")
    if any(isinstance(p, Uretprobe) for p in probes):
        yield comment("on Linux a return probe ends Go programs, and others when an exception passes")
    if any(isinstance(e, Load | Str) for c in program.clauses for e in c.expressions):
        yield comment("an event is left out, with an error, if an address of it can't be read")


class _Writer:
    """Writes clauses, and notes the names of the maps that they fill."""

    def __init__(
        self, program: Program, arch: Architecture, dialect: Dialect, options: Options, target: Target | None
    ) -> None:
        self.arch, self.dialect, self.options, self.target = arch, dialect, options, target
        self.names: dict[str, None] = {}
        # A variable's type is that of its first use in the script, so each value has one of its own.
        self.numbers = itertools.count(1)
        fed = [a.name for c in program.clauses for a in c.aggregates]
        self.shared = {name for name in fed if fed.count(name) > 1}
        # D's name for the map without one is _, and a map of stats() becomes several.
        self.taken = {*fed, *("_" for name in fed if not name)}

    def clause(self, number: int, of: Clause) -> Iterator[str]:
        sites = [by_name(p, self.arch, self.dialect, self._processes(p)) for p in of.probes]
        probes = [probe for s in sites for probe in s.probes]
        emitter = Emitter(self.arch, self.dialect, max_string=self.options.max_string)
        predicate = _predicate(of, self.target)
        first: list[Statement] = []
        last = []
        if uses(of, BuiltinName.ELAPSED):
            at_entry, at_return = started(number, sites[0].call, None, self.arch)
            yield clause([e for s in sites for e in s.entries], predicate, [f"{at_entry} = timestamp;"])
            predicate = both(predicate, at_return)
            first = [f"this->elapsed = (int64_t)(timestamp - {at_return});"]
            last = [f"{at_return} = 0;"]
        if of.where is not None:
            condition = emitter.condition(of.where)
            first += emitter.take_statements()
            if not first:
                predicate = both(predicate, condition)
            else:
                yield from clauses(probes, predicate, [*first, f"this->counts = {bare(condition)};"])
                kept = [line for a in of.aggregates for line in self._aggregate(a, emitter)]
                yield clause(probes, both(predicate, "this->counts"), kept)
                if last:
                    yield clause(probes, predicate, last)
                return
        kept = [line for a in of.aggregates for line in self._aggregate(a, emitter)]
        yield from clauses(probes, predicate, [*first, *kept, *last])

    def _processes(self, probe: Probe) -> tuple[str, ...]:
        match self.target:
            case Pids(pids) if len(pids) > 1:
                return tuple(map(str, pids))
            case SystemWide() if isinstance(probe, Usdt):
                return ("*",)
            case SystemWide() if isinstance(probe, FunctionProbe):
                raise UnsupportedError(
                    feature="a function in every process",
                    backend=BACKEND,
                    reason="its pid provider probes processes one by one",
                    remedy="Give a command, or the processes' ids.",
                )
            case Pids(follow=True) | Command(follow=True) if isinstance(probe, FunctionProbe | Usdt):
                raise UnsupportedError(
                    feature="the processes that the target forks",
                    backend=BACKEND,
                    reason="its pid provider probes processes one by one, and those that exist already",
                    remedy="Leave --follow out, or trace the process that does the work.",
                )
            case _:
                return ("$target",)

    def _aggregate(self, aggregate: Aggregate, emitter: Emitter) -> Iterator[str]:
        name = aggregate.name
        value = self._common if name in self.shared else Emitter.value
        keys = [value(emitter, key) for key in aggregate.keys]
        index = f"[{', '.join(keys)}]" if keys else ""
        kept: list[str] = []
        match aggregate.function:
            case Count():
                kept.append(self._filled(name, index, "count()"))
            case Scalar(moment, node):
                functions = _FIGURES[moment]
                if type_of(node) == UINT64:
                    yield comment("dtrace takes values from 2 to the 63 on for negative ones")
                text = emitter.value(node)
                for function in functions:
                    full = name if len(functions) == 1 else self._part(name, function)
                    kept.append(self._filled(full, index, f"{function}({'' if function == 'count' else text})"))
            case Distribution(node, scheme):
                rows = self._rows(scheme, integer_type(node))
                if rows is not None:
                    kept.append(self._filled(name, index, rows.format(emitter.value(node))))
                else:
                    yield comment("dtrace has no such buckets: the last key is a value inside of each")
                    wide, x = word(integer_type(node)), f"this->x{next(self.numbers)}"
                    emitter.statements.append(f"{x} = {bare(emitter.number(node, wide))};")
                    emitter.statements += bucketing(scheme, wide, x, f"{x}b")
                    kept.append(self._filled(name, f"[{', '.join([*keys, f'{x}b'])}]", "count()"))
                    keys.append(f"{x}b")
        if len(keys) > KEYS:
            raise too_many_keys(name, len(keys))
        for statement in emitter.take_statements():
            assert isinstance(statement, str)
            yield statement
        yield from kept

    def _filled(self, name: str, index: str, function: str) -> str:
        if name == "_" and "" in self.taken:
            name = self._part("", "_")
        self.names[name] = None
        return f"@{name}{index} = {function};"

    def _part(self, name: str, function: str) -> str:
        """A name of its own for one of the maps that a map becomes."""
        part = f"{name}_{function}" if name else function
        while part in self.taken:
            part += "_"
        return part

    @staticmethod
    def _common(emitter: Emitter, key: Expr) -> str:
        """A key whose type is the same in all clauses that fill its map."""
        type_ = type_of(key)
        return emitter.number(key, word(type_)) if isinstance(type_, IntType) else emitter.string(key)

    def _rows(self, scheme: Scheme, type_: IntType) -> str | None:
        """D's aggregation with the rows that the scheme has, ``{}`` for the value; None if there is none."""
        if type_ == UINT64:
            return None
        match scheme:
            case Log2(0):
                return "quantize({})"
            case Linear(lo, hi, step) if max(-lo, hi) <= LINEAR_BOUND and step <= LINEAR_STEP:
                return f"lquantize({{}}, {lo}, {hi}, {step})"
            case LogLinear(factor, low, high, steps) if self.dialect.takes(scheme) and (
                self.dialect.negative_log_linear or not type_.signed
            ):
                return f"llquantize({{}}, {factor}, {low}, {high}, {steps})"
            case _:
                return None


def _predicate(of: Clause, target: Target | None) -> str:
    """Whose events count, at probes that fire for every process."""
    if all(isinstance(p, FunctionProbe | Usdt | Interval) for p in of.probes):
        return ""
    match target:
        case Pids((_,), True) | Command(_, True):
            return "progenyof($target)"
        case Pids((_,)) | Command():
            return "pid == $target"
        case Pids(pids, follow):
            conditions = (f"progenyof({pid})" if follow else f"pid == {pid}" for pid in pids)
            return f"({' || '.join(conditions)})"
        case _:
            return ""


def _target_arguments(target: Target | None) -> tuple[str, ...]:
    """``-p`` for a process, ``-c`` for a command; dtrace splits that at white space and knows no quotes."""
    match target:
        case Pids((pid,)):
            return ("-p", str(pid))
        case Command(argv) if all(shlex.quote(w) == w for w in argv):
            return ("-c", " ".join(argv))
        case _:
            return ()
