r"""The D program that a run uses: exact counts, totals, sentinels, and output that can't be misread.

The shape of it, the same in every dialect::

    BEGIN { printf("NONCE ready\n"); }
    pid77:a.out:-:555555555139 /pid == 77/ { this->w0 = FILTER; }
    pid77:a.out:-:555555555139 /pid == 77 && this->w0/ { @t0 = count(); … @c0[…] = count(); }
    profile-1000ms /(int64_t)(timestamp - told) > 500000000/
    { told = timestamp; printf("NONCE snapshot %d\n", timestamp); … printf("NONCE done\n"); }
    END { printf("NONCE result %d\n", timestamp); printa("t0 %@d\n", @t0); … printf("NONCE done\n"); }

An address that can't be read ends a clause, but not those after it. So what is read has a clause of its own,
after one that gives its variable the value 0, and all that is kept of an event is kept in the last clause,
which reads nothing. Of a map, the figures come first and the count last: when the engine's memory is full,
a group of events has all of them or none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tracekit.backends.base import Options
from tracekit.backends.dtrace.attach import Site
from tracekit.backends.dtrace.bucketing import bucketing
from tracekit.backends.dtrace.clauses import both, clause, clauses
from tracekit.backends.dtrace.dialect import Dialect
from tracekit.backends.dtrace.elapsed import started
from tracekit.backends.dtrace.emit import Emitter
from tracekit.backends.dtrace.features import check_features, check_keys
from tracekit.backends.dtrace.guard import Guard
from tracekit.backends.dtrace.quoting import comment
from tracekit.backends.plan import UNCOUNTED, KeyKind, KeyPlan, MapPlan, Plan, plan_of, uses, word
from tracekit.backends.window import window
from tracekit.core.aggregation import value_of
from tracekit.core.arch import Architecture
from tracekit.core.expr import BuiltinName, Expr, Str
from tracekit.core.probe import Interval, Probe
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.core.types import UINT64
from tracekit.syntax import print_aggregate
from tracekit.values import frozen

PARTS = "xnsbc"
"""The order in which the figures of an event are kept."""


@frozen
class Instrumented:
    """A program for a run, and what its output means."""

    text: str
    plan: Plan


def instrument(
    program: Program,
    sites: Mapping[Probe, Sequence[Site]],
    predicate: str,
    options: Options,
    arch: Architecture,
    dialect: Dialect,
    nonce: int,
) -> Instrumented:
    """Compile a located program for a run.

    Args:
        program: has no unresolved names.
        sites: where each of its probes goes.
        predicate: whose events count, in D's words, such as ``pid == 77``; empty for all processes.
        options: see ``Options``; ``max_keys`` doesn't matter here.
        arch: the target's processor.
        dialect: the system's DTrace.
        nonce: a random number below 2**63.

    Raises:
        UsageError: if an expression has no meaning.
        UnsupportedError: if DTrace can't do it.
    """
    check_features(program)
    functions = dict.fromkeys(s.function for found in sites.values() for s in found if s.function)
    plan = plan_of(program, options, nonce, tuple(functions))
    for m in plan.maps:
        check_keys(m)
    writer = _Writer(plan, predicate, options, arch, dialect, Guard(window(options)))
    first = [] if options.max_events is None else ["seen = (uint64_t)0;"]
    first += [] if options.interval is None else ["told = (uint64_t)0;"]
    first += writer.guard.begin
    blocks = [
        "#pragma D option quiet",
        f"#pragma D option strsize={options.max_string}",
        clause(["BEGIN"], "", [*first, f'printf("{nonce} ready\\n");']),
        *(block for n, c in enumerate(program.clauses) for block in writer.clause(n, c, sites)),
    ]
    # To dtrace a map that nothing is put into, as where there are timers alone, is unknown.
    uncounted = () if any("@h0 = " in block for block in blocks) else plan.hits
    prints = [_printed(name, plan) for name in plan.script_maps if name not in uncounted]

    def told(kind: str) -> list[str]:
        first = f'printf("{nonce} {kind} {writer.guard.form}\\n", {writer.guard.told});'
        return [first, *prints, f'printf("{nonce} done\\n");']

    if options.interval is not None:
        period = max(1, round(options.interval * 1000))
        # The first of the processors tells. tick-n would be on one that is chosen once, and some virtual
        # machines withhold timers from a processor that idles.
        due = f"(int64_t)(timestamp - told) > {period * 500_000}"
        blocks.append(clause([f"profile-{period}ms"], due, ["told = timestamp;", *told("snapshot")]))
    blocks.append(clause(["END"], "", told("result")))
    return Instrumented("\n".join(blocks) + "\n", plan)


def map_of(plan: Plan, name: str) -> MapPlan | None:
    """The program's map that a map of the script belongs to; None for a total."""
    return next((m for m in plan.maps if name[0] in m.parts and name[1:] == str(m.number)), None)


def _printed(name: str, plan: Plan) -> str:
    r"""A statement that prints a map: a line for each entry, which begins with the map's name."""
    keys = []
    if (found := map_of(plan, name)) is not None:
        for key in found.keys:
            match key.kind:
                case KeyKind.STRING:
                    keys.append('\\"%S\\" ')
                case KeyKind.COUNTED:
                    keys.append('\\"%S\\" %d ')
                case KeyKind.INTEGER | KeyKind.FUNCTION:
                    keys.append("%d ")
        if name[0] == "b":
            keys.append("%d ")
    return f'printa("{name} {"".join(keys)}%@d\\n", @{name});'


@frozen
class _Writer:
    plan: Plan
    predicate: str
    options: Options
    arch: Architecture
    dialect: Dialect
    guard: Guard

    def clause(self, number: int, clause: Clause, sites: Mapping[Probe, Sequence[Site]]) -> Iterator[str]:
        timers = tuple(p for p in clause.probes if isinstance(p, Interval))
        for group in (timers, tuple(p for p in clause.probes if p not in timers)):
            # An interval fires for no process in particular, so no filter by process can hold for it.
            predicate = "" if group is timers else self.predicate
            found = [site for probe in group for site in sites[probe]]
            apart = uses(clause, BuiltinName.FUNC) or any(site.entries for site in found)
            for together in [[s] for s in found] if apart else [found]:
                if together:
                    yield from self._blocks(number, clause, together, predicate, timer=group is timers)

    def _blocks(
        self, number: int, of: Clause, sites: Sequence[Site], predicate: str, *, timer: bool
    ) -> Iterator[str]:
        site = sites[0]
        probes = [probe for s in sites for probe in s.probes]
        yield comment("; ".join(print_aggregate(a) for a in of.aggregates))
        every, all_ = [*site.entries, *probes], predicate
        if not timer:
            yield from self.guard.before(every, all_)
            predicate = both(predicate, self.guard.going_on)
        if site.entries:
            # Not every call is seen to return (panics, deep recursion): entries are counted too.
            entered, returned = [f"@e{number} = count();"], [f"@r{number} = count();"]
            if uses(of, BuiltinName.ELAPSED):
                function = self.plan.functions.index(site.function)
                at_entry, at_return = started(number, site.call, function, self.arch)
                entered.append(f"{at_entry} = timestamp;")
                returned.append("this->started = (uint64_t)0;")
                yield clause(site.entries, predicate, entered)
                yield clause(probes, predicate, returned)
                yield clause(
                    probes,
                    predicate,
                    [
                        f"this->started = {at_return};",
                        "this->elapsed = (int64_t)(timestamp - this->started);",
                        f"{at_return} = 0;",
                    ],
                )
                predicate = both(predicate, "this->started != 0")
            else:
                yield clause(site.entries, predicate, entered)
                yield clause(probes, predicate, returned)
        yield from self._events(number, of, site, probes, predicate)
        if not timer:
            yield from self.guard.after(every, all_)

    def _events(
        self, number: int, of: Clause, site: Site, probes: Sequence[str], predicate: str
    ) -> Iterator[str]:
        emitter = Emitter(
            self.arch,
            self.dialect,
            function=site.function,
            retval=site.retval,
            max_string=self.options.max_string,
            careful=True,
        )
        limit = self.options.max_events
        condition = both(
            "" if of.where is None else emitter.condition(of.where), "" if limit is None else f"seen < {limit}"
        )
        before = emitter.take_statements()
        if condition and (before or limit is not None):
            counted = [] if limit is None else [f"seen = seen + (this->w{number} != 0 ? 1 : 0);"]
            before += [f"this->w{number} = (int)({condition} ? 1 : 0);", *counted]
            condition = f"this->w{number} != 0"
        yield from clauses(probes, predicate, before)
        predicate = both(predicate, condition)
        kept = [f"@t{number} = count();"]
        for place, aggregate in enumerate(of.aggregates):
            kept += self._aggregate(aggregate, emitter, f"this->x{number}_{place}")
        yield from clauses(probes, predicate, [*emitter.take_statements(), *kept])
        if limit is not None:
            # Of several threads at once, some may be counted as one: then a few more than the limit are kept.
            yield clause(probes, both(predicate, f"seen >= {limit}"), ["exit(0);"])

    def _aggregate(self, aggregate: Aggregate, emitter: Emitter, x: str) -> Iterator[str]:
        """The statements that keep what is asked of an event; what they need goes to the emitter's."""
        plan = next(m for m in self.plan.maps if m.name == aggregate.name)
        paired = zip(aggregate.keys, plan.keys, strict=True)
        keys = [k for key, key_plan in paired for k in self._key(key, key_plan, emitter)]
        ordered = x
        if (value := value_of(aggregate.function)) is not None:
            assert plan.type is not None
            wide = word(plan.type)
            text = emitter.number(value, wide)
            # A variable's type is that of its first use: the name tells them apart.
            x = f"{x}{wide.name[0]}"
            emitter.statements.append(f"{x} = {text};")
            ordered = x if wide.signed else f"{x}o"
            if not wide.signed and "n" in plan.parts:
                # Extremes are signed: half of the range below 0, and the order stays the same.
                emitter.statements.append(f"{ordered} = (int64_t)({x} - (uint64_t)0x8000000000000000);")
            if plan.scheme is not None:
                emitter.statements += bucketing(plan.scheme, wide, x, f"{x}b")
        for part in PARTS:
            if part in plan.parts:
                index = ", ".join([*keys, f"{x}b"] if part == "b" else keys)
                entry = f"@{part}{plan.number}" + (f"[{index}]" if index else "")
                yield f"{entry} = {_FUNCTIONS[part].format(x, ordered)};"

    def _key(self, key: Expr, plan: KeyPlan, emitter: Emitter) -> list[str]:
        match plan.kind:
            case KeyKind.FUNCTION:
                return [str(self.plan.functions.index(emitter.function or ""))]
            case KeyKind.STRING:
                return [emitter.kept(key)]
            case KeyKind.COUNTED:
                size = emitter.bounded(key.size) if isinstance(key, Str) and key.size is not None else None
                return [emitter.kept(key), f"(int64_t){UNCOUNTED if size is None else emitter.kept(size)}"]
            case KeyKind.INTEGER:
                text = emitter.kept(key)
                return [f"(int64_t){text}" if plan.type == UINT64 else text]
            case KeyKind.STACK:  # refused before
                raise AssertionError(key)


_FUNCTIONS = {"x": "max({1})", "n": "min({1})", "s": "sum((int64_t){0})", "b": "count()", "c": "count()"}
