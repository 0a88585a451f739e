"""The programs that a run loads into the kernel: exact counts, totals, and what found no room. Pure.

The shape of each::

    counters = this processor's
    too many events? end
    not the target's? h1 += 1, end
    h0 += 1; where? else end
    t0 += 1
    for each aggregate: its value and keys; b[keys, bucket] += 1; m[keys] += its moments

Every addition is atomic, although each processor has its own: a probe of a function may be preempted by another
process that runs into it, too, so that two programs are at work on one processor
(``bpf_prog_run_array_uprobe`` in ``include/linux/bpf.h`` forbids migration only).
"""

from collections.abc import Iterator, Mapping, Sequence

from tracekit.backends.base import Options
from tracekit.backends.bpf.abilities import ALL, Abilities
from tracekit.backends.bpf.assembler import BACKEND, Assembler
from tracekit.backends.bpf.event import Context, EventWriter
from tracekit.backends.bpf.following import Keeper, targets
from tracekit.backends.bpf.layout import CONTROL, Control, KernelMap, MapKind, layout_of
from tracekit.backends.bpf.programs import Instrumented, KernelProgram, ProgramKind, Whose
from tracekit.backends.bpf.sites import Instruction, Named, Point, RawTracepoint, Site, Timer, Tracepoint
from tracekit.backends.plan import plan_of, uses
from tracekit.backends.window import window
from tracekit.core.arch import Architecture
from tracekit.core.expr import COMPARE_OPS, Binary, Builtin, BuiltinName
from tracekit.core.probe import Probe
from tracekit.core.program import Clause, Program
from tracekit.errors import UnsupportedError
from tracekit.values import frozen


def instrument(
    program: Program,
    sites: Mapping[Probe, Sequence[Site]],
    whose: Whose,
    options: Options,
    arch: Architecture,
    abilities: Abilities = ALL,
    *,
    sleeps: bool = False,
) -> Instrumented:
    """Compile a located program for a run.

    Args:
        program: has no unresolved names.
        sites: where each of its probes goes.
        whose: whose events count.
        options: see ``Options``.
        arch: the machine's processor.
        abilities: what the kernel has.
        sleeps: whether programs at functions are to wait for pages that aren't in memory, if they can.

    Raises:
        UsageError: if an expression has no meaning.
        UnsupportedError: if eBPF can't do it.
    """
    functions = tuple(dict.fromkeys(s.function for found in sites.values() for s in found if s.function))
    plan = plan_of(program, options, 0, functions, options.max_keys, others=bool(whose.pids))
    if not abilities.whole and any(m.keys for m in plan.maps):
        raise UnsupportedError(
            feature="keys",
            backend=BACKEND,
            reason="this kernel can't hand over a map whole while it changes; those from 5.6 on can",
            remedy="Leave the keys out, or use bpftrace.",
        )
    layout = layout_of(plan)
    context = Context(layout, whose, options, arch, window(options), abilities)
    writer = _Writer(context, sleeps and abilities.sleeps)
    programs = [p for n, c in enumerate(program.clauses) for p in writer.clause(n, c, sites)]
    maps = [*layout.maps, KernelMap(CONTROL, MapKind.ARRAY, 4, 8 * len(Control), 1)]
    for n, clause in enumerate(program.clauses):
        if uses(clause, BuiltinName.ELAPSED):
            maps.append(KernelMap(f"a{n}", MapKind.HASH, 24, 8, options.max_keys))
    if whose.pids:
        maps.append(targets(whose))
    keeping = Keeper(whose, layout, arch).programs() if whose.pids else ()
    return Instrumented(layout, tuple(maps), tuple(programs), tuple(keeping))


@frozen
class _Writer:
    context: Context
    sleeps: bool

    def clause(
        self, number: int, clause: Clause, sites: Mapping[Probe, Sequence[Site]]
    ) -> Iterator[KernelProgram]:
        needed = uses(clause, BuiltinName.FUNC) or uses(clause, BuiltinName.ELAPSED)
        alone = _names_function(clause) or (needed and not self.context.abilities.numbers)
        groups: dict[tuple[object, ...], list[Site]] = {}
        for site in (site for probe in clause.probes for site in sites[probe]):
            like = (
                type(site.point), site.entry is None, site.arguments, site.retval, site.call,
                isinstance(site.point, Instruction) and site.point.returns,
                site.function if alone else "",
                site.bare,
            )  # fmt: skip
            groups.setdefault(like, []).append(site)
        for place, group in enumerate(groups.values()):
            name = f"clause{number}" + (f"_{place}" if place else "")
            # The return's comes before the entry's, and is taken away after it: a call that is seen to be
            # entered is seen to return, too.
            yield self._program(number, clause, name, group, entry=False)
            entries = list({s.entry: s for s in group if s.entry is not None}.values())
            if entries:
                yield self._program(number, clause, f"{name}_entry", entries, entry=True)

    def _program(
        self, number: int, clause: Clause, name: str, sites: Sequence[Site], *, entry: bool
    ) -> KernelProgram:
        points = tuple(s.entry if entry and s.entry is not None else s.point for s in sites)
        kind = _kind(points[0])
        functions = [self._function(s) for s in sites]
        needed = uses(clause, BuiltinName.FUNC) or uses(clause, BuiltinName.ELAPSED)
        several = needed and len(set(functions)) > 1
        writing = EventWriter(
            self.context,
            Assembler(),
            number,
            clause,
            sites[0],
            None if several else functions[0],
            sleeps=self.sleeps and kind is ProgramKind.KPROBE,
        )
        writing.write(entry=entry, trap=kind is ProgramKind.KPROBE, timer=isinstance(points[0], Timer))
        numbers = tuple(functions) if several else ()
        return KernelProgram(name, kind, writing.asm.assemble(), points, numbers, writing.sleeps)

    def _function(self, site: Site) -> int:
        functions = self.context.layout.plan.functions
        return functions.index(site.function) if site.function else 0


def _kind(point: Point) -> ProgramKind:
    match point:
        case Instruction() | Named():
            return ProgramKind.KPROBE
        case Tracepoint():
            return ProgramKind.TRACEPOINT
        case RawTracepoint():
            return ProgramKind.RAW_TRACEPOINT
        case Timer():
            return ProgramKind.PERF_EVENT


def _names_function(clause: Clause) -> bool:
    """Whether the function's name is compared with something, for which it must be known."""
    func = Builtin(BuiltinName.FUNC)
    return any(
        isinstance(e, Binary) and e.op in COMPARE_OPS and func in (e.left, e.right) for e in clause.expressions
    )
