r"""The Python that gdb runs at a program's probes. Pure.

A program becomes functions, which ``tracing.Tracing`` calls at breakpoints with the registers, the thread, the
function's name and, where a call is timed, how long it took::

    def event_0(r, tid, func, elapsed):
        if not (((r.rdi ^ 0x8000000000000000) - 0x8000000000000000) > (0)): return
        totals[0] += 1
        x = …
        maps[0].keep((tid,), x, log2_inside(x, 0))

What an aggregation is, and what a bucket, is in ``counting``: here are only the program's expressions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracekit.backends.base import Options
from tracekit.backends.gdb.emit import PARAMETERS, Emitter, inside
from tracekit.backends.gdb.features import check_features
from tracekit.backends.gdb.quoting import comment
from tracekit.backends.plan import Plan, plan_of, word
from tracekit.core.aggregation import value_of
from tracekit.core.arch import Architecture
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.syntax import print_program
from tracekit.values import frozen


@frozen
class Instrumented:
    """A program for a run, and what it keeps."""

    text: str
    plan: Plan


def instrument(
    program: Program, functions: Sequence[str], options: Options, arch: Architecture
) -> Instrumented:
    """Compile a located program for a run.

    Args:
        program: has no unresolved names.
        functions: the names of the probed functions.
        options: see ``Options``.
        arch: the target's processor.

    Raises:
        UsageError: if an expression has no meaning.
        UnsupportedError: if gdb can't do it.
    """
    check_features(program)
    plan = plan_of(program, options, 0, functions, options.max_keys)
    lines = [comment(line) for line in print_program(program).split("\n")]
    for number, clause in enumerate(program.clauses):
        lines += ["", *_event(number, clause, plan, options, arch)]
    return Instrumented("\n".join(lines) + "\n", plan)


def _event(number: int, clause: Clause, plan: Plan, options: Options, arch: Architecture) -> Iterator[str]:
    emitter = Emitter(arch, options.max_string, f"part_{number}")
    body = []
    if clause.where is not None:
        body.append(f"if not {emitter.condition(clause.where)}: return")
    body.append(f"totals[{number}] += 1")
    for aggregate in clause.aggregates:
        body += _kept(aggregate, plan, emitter)
    yield from emitter.functions
    yield f"def event_{number}({PARAMETERS}):"
    yield from (f"    {line}" for line in body)


def _kept(aggregate: Aggregate, plan: Plan, emitter: Emitter) -> Iterator[str]:
    """The statements that keep what is asked of an event."""
    found = next(m for m in plan.maps if m.name == aggregate.name)
    keys = "".join(f"{emitter.key(key)}, " for key in aggregate.keys).removesuffix(
        " " if len(aggregate.keys) == 1 else ", "
    )
    words = [f"({keys})"]
    if (value := value_of(aggregate.function)) is not None:
        assert found.type is not None
        yield f"x = {emitter.number(value, word(found.type))}"
        words.append("x")
        if found.scheme is not None:
            words.append(inside(found.scheme, "x"))
    yield f"maps[{found.number}].keep({', '.join(words)})"
