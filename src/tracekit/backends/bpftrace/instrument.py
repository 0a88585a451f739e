r"""The script that a run uses: exact counts, totals, sentinels, and output that can't be misread.

The shape of it, the same for every version of bpftrace::

    BEGIN { printf("NONCE ready\n"); }
    uprobe:"/proc/SELF/fd/N":0x1139 {
      if (pid == 77) { @h0 = sum(1); if (FILTER) { @t0 = sum(1); … @b0[…] = sum(1); … } } else { @h1 = sum(1); }
    }
    interval:ms:1000 { printf("NONCE snapshot …\n"); print(@t0); … printf("NONCE shown\n"); }
    END { printf("NONCE result …\n"); print(@t0); … printf("NONCE shown\n"); }

BEGIN's line comes out once all probes are attached, END's once they are gone. Prints are cumulative:
clearing maps while probes fire loses events.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence

from tracekit.backends.base import Options
from tracekit.backends.bpftrace.attach import Site
from tracekit.backends.bpftrace.bucketing import bucketing
from tracekit.backends.bpftrace.elapsed import started
from tracekit.backends.bpftrace.emit import Emitter
from tracekit.backends.bpftrace.guard import Guard
from tracekit.backends.bpftrace.quoting import comment
from tracekit.backends.plan import UNCOUNTED, KeyKind, KeyPlan, Plan, plan_of, uses, word
from tracekit.backends.window import window
from tracekit.core.aggregation import Aggregation, Distribution, value_of
from tracekit.core.arch import Architecture
from tracekit.core.buckets import Linear, Log2, LogLinear
from tracekit.core.expr import BuiltinName, Expr, Str
from tracekit.core.probe import Interval, Probe, Uprobe, Uretprobe, Usdt
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.syntax import print_aggregate
from tracekit.values import frozen

_LOW = "(uint64)9223372036854775807"


@frozen
class Filter:
    """Which processes' events count, in bpftrace's words.

    Attributes:
        predicate: a condition, or the empty string for all processes.
        probes: further probes that keep what the predicate needs.
        begin: statements for BEGIN.
    """

    predicate: str = ""
    probes: tuple[str, ...] = ()
    begin: tuple[str, ...] = ()


@frozen
class Instrumented:
    """A script for a run, and what its output means."""

    text: str
    plan: Plan


def instrument(
    program: Program,
    sites: Mapping[Probe, Sequence[Site]],
    processes: Filter,
    options: Options,
    arch: Architecture,
    nonce: int,
) -> Instrumented:
    """Compile a located program for a run.

    Args:
        program: has no unresolved names.
        sites: where each of its probes goes.
        processes: whose events count.
        options: see ``Options``.
        arch: the target's processor.
        nonce: a random number below 2**63.

    Raises:
        UsageError: if an expression has no meaning.
        UnsupportedError: if bpftrace can't do it.
    """
    functions = tuple(dict.fromkeys(s.function for found in sites.values() for s in found if s.function))
    room = _room(program, options, processes)
    plan = plan_of(program, options, nonce, functions, room, others=bool(processes.predicate))
    guard = Guard(window(options))
    writer = _Writer(plan, processes, options, arch, guard)
    # What is there from the start needs no entry to be made at an event; see _update.
    first = (*processes.begin, *(f"@{name} = sum((uint64)0);" for name in plan.hits), *guard.begin)
    blocks = [
        f'BEGIN {{ {"".join(f"{s} " for s in first)}printf("{nonce} ready\\n"); }}',
        *processes.probes,
        *(block for n, c in enumerate(program.clauses) for block in writer.clause(n, c, sites)),
    ]
    prints = " ".join(f"print(@{name});" for name in plan.script_maps)
    clears = " ".join(f"clear(@{name});" for name in plan.script_maps)
    if options.interval is not None:
        period = max(1, round(options.interval * 1000))
        blocks.append(
            f'interval:ms:{period} {{ printf("{nonce} snapshot %llu\\n", nsecs); {prints} '
            f'printf("{nonce} shown\\n"); }}'
        )
    # Cleared, or bpftrace would print every map once more at its exit.
    blocks.append(
        f'END {{ printf("{nonce} result {guard.form}\\n", {guard.told}); {prints} {clears} '
        f'printf("{nonce} done\\n"); }}'
    )
    return Instrumented("\n".join(blocks) + "\n", plan)


def _room(program: Program, options: Options, processes: Filter) -> int:
    """How many entries a map needs: bpftrace allocates them all at the start, which takes its time."""
    keyed = any(a.keys for c in program.clauses for a in c.aggregates)
    if keyed or processes.probes or any(uses(c, BuiltinName.ELAPSED) for c in program.clauses):
        return options.max_keys
    return max(16, *(_buckets(a.function) for a in program.maps.values()))


def _buckets(function: Aggregation) -> int:
    match function:
        case Distribution(scheme=Linear() as scheme):
            return scheme.size + 2
        case Distribution(scheme=Log2(bits)):
            return 2 * 65 << bits
        case Distribution(scheme=LogLinear() as scheme):
            return 2 * len(scheme.bounds) + 1
        case _:
            return 2


@frozen
class _Writer:
    plan: Plan
    processes: Filter
    options: Options
    arch: Architecture
    guard: Guard

    def clause(self, number: int, clause: Clause, sites: Mapping[Probe, Sequence[Site]]) -> Iterator[str]:
        for kind in _Kind:
            group = [p for p in clause.probes if _kind(p) is kind]
            found = [site for probe in group for site in sites[probe]]
            apart = uses(clause, BuiltinName.FUNC) or any(
                site.guard or site.entry or site.arguments is not None for site in found
            )
            for together in [[s] for s in found] if apart else [found]:
                if together:
                    yield from self._blocks(number, clause, together, kind)

    def _blocks(self, number: int, clause: Clause, sites: Sequence[Site], kind: _Kind) -> Iterator[str]:
        site = sites[0]
        body = self._events(number, clause, site)
        if site.entry:
            # Not every call is seen to return (panics, deep recursion): entries are counted too.
            entered, body = [_counted(f"@e{number}")], [_counted(f"@r{number}"), *body]
            if uses(clause, BuiltinName.ELAPSED):
                at_entry, body = self._elapsed(number, site, body)
                entered.append(at_entry)
            yield self._block(site.entry, entered, kind)
        yield self._block(", ".join(s.attach for s in sites), body, kind)

    def _block(self, attach: str, body: Sequence[str], kind: _Kind) -> str:
        predicate = self.processes.predicate
        if kind is _Kind.TIMER:
            # It fires in bpftrace's own process, so no filter by process can hold for it.
            return "\n".join([f"{attach} {{", *_indented(body), "}"])
        body = ["@h0 = sum((uint64)1);", *body]
        if kind is _Kind.TRAP and predicate:
            # What others run into is not counted in a map, but costs them as much.
            body = [*_nested([predicate], body)[:-1], "} else { @h1 = sum((uint64)1); }"]
            predicate = ""
        head = f" /{predicate}/" if predicate else ""
        return "\n".join([f"{attach}{head} {{", *_indented(self.guard.around(body)), "}"])

    def _elapsed(self, number: int, site: Site, body: Sequence[str]) -> tuple[str, list[str]]:
        function = self.plan.functions.index(site.function)
        at_entry, at_return = started(number, site.call, function, self.arch)
        return f"{at_entry} = nsecs;", [
            f"$started = {at_return};",
            "$elapsed = (uint64)nsecs - (uint64)$started;",
            f"delete({at_return});",
            *_nested(["$started != 0"], body),
        ]

    def _events(self, number: int, clause: Clause, site: Site) -> list[str]:
        emitter = Emitter(
            self.arch,
            function=site.function,
            arguments=site.arguments,
            retval=site.retval,
            max_string=self.options.max_string,
            keep_strings=True,
        )
        lines: list[str] = []
        conditions = [site.guard] if site.guard else []
        if clause.where is not None:
            conditions.append(emitter.condition(clause.where))
            lines += emitter.take_statements()
        inner = [_counted(f"@t{number}")]
        for place, aggregate in enumerate(clause.aggregates):
            inner += self._aggregate(aggregate, emitter, f"$x{place}")
        if (limit := self.options.max_events) is not None:
            # ++ may miss events of several threads at once: then a few more than the limit are counted.
            last = f"if (@seen >= {limit}) {{ exit(); }}"
            inner = _nested([f"@seen < {limit}", "@seen++;"], [*inner, last])
        return lines + _nested([" && ".join(f"({c})" for c in conditions)] if conditions else [], inner)

    def _aggregate(self, aggregate: Aggregate, emitter: Emitter, x: str) -> Iterator[str]:
        plan = next(m for m in self.plan.maps if m.name == aggregate.name)
        yield comment(print_aggregate(aggregate))
        paired = zip(aggregate.keys, plan.keys, strict=True)
        keys = [k for key, key_plan in paired for k in self._key(key, key_plan, emitter)]
        value = value_of(aggregate.function)
        if value is not None:
            assert plan.type is not None
            wide = word(plan.type)
            text = emitter.explicit(value, wide)
            yield from emitter.take_statements()
            yield f"{x} = {text};"
            yield f"{x}s = (uint64){x} >> 63; {x}l = (uint64){x} & {_LOW};"
        else:
            yield from emitter.take_statements()
        if plan.scheme is not None:
            assert plan.type is not None
            yield from bucketing(plan.scheme, word(plan.type), x, f"{x}b")
        content = {
            "b": ([f"{x}b"], "sum", "(uint64)1"),
            "c": ([], "sum", "(uint64)1"),
            "s": ([], "sum", f"(uint64){x}"),
            "n": ([f"{x}s"], "max", f"({_LOW} - {x}l)"),
            "x": ([f"{x}s"], "max", f"{x}l"),
        }
        for part in plan.parts:
            extra, function, added = content[part]
            index = ", ".join([*keys, *extra])
            yield _update(f"@{part}{plan.number}", index, function, added)

    def _key(self, key: Expr, plan: KeyPlan, emitter: Emitter) -> list[str]:
        match plan.kind:
            case KeyKind.FUNCTION:
                return [f"(int64){self.plan.functions.index(emitter.function or '')}"]
            case KeyKind.STRING:
                return [emitter.kept(key), f"(int64){self.plan.nonce}"]
            case KeyKind.COUNTED:
                size = emitter.bounded(key.size) if isinstance(key, Str) and key.size is not None else None
                bytes_ = f"(int64){UNCOUNTED}" if size is None else emitter.kept(size)
                return [emitter.kept(key), f"(int64){self.plan.nonce}", bytes_]
            case KeyKind.INTEGER:
                return [emitter.kept(key)]
            case KeyKind.STACK:  # refused before
                raise AssertionError(key)


class _Kind(enum.Enum):
    """What a probe is to the processes that it is in: each block has probes of one kind."""

    TIMER = "timer"
    TRAP = "trap"
    OTHER = "other"


def _kind(probe: Probe) -> _Kind:
    match probe:
        case Interval():
            return _Kind.TIMER
        case Uprobe() | Uretprobe() | Usdt():
            return _Kind.TRAP
        case _:
            return _Kind.OTHER


def _counted(name: str) -> str:
    """Statements that count an event in a map without keys."""
    return _update(name, "", "sum", "(uint64)1")


def _update(name: str, index: str, function: str, added: str) -> str:
    """Statements that add to a map's entry.

    The entry is made first, with nothing in it: 0.20 to 0.23.2 drop the event if two processors make the
    same new entry at once, since both insert it with ``BPF_NOEXIST``.
    """
    entry = f"{name}[{index}]" if index else name
    return f"{entry} = {function}((uint64)0); {entry} = {function}({added});"


def _nested(wrap: Sequence[str], lines: Sequence[str]) -> list[str]:
    """Lines inside ``if``, whose condition comes first in ``wrap``, followed by lines of its own."""
    if not wrap:
        return list(lines)
    return [f"if ({wrap[0]}) {{", *_indented([*wrap[1:], *lines]), "}"]


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]
