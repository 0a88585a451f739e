"""Draws cases by a seed, and runs all of them."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from tests.generated.draw import options, programs
from tests.generated.tracing import Bench, Case

from tracekit.backends.base import Options
from tracekit.core.program import Program
from tracekit.syntax import print_program


@attrs.frozen
class Report:
    """What came of many cases.

    Attributes:
        equal: how many gave what the model says.
        refused: why the others were refused.
        wrong: programs, and what is wrong with each.
    """

    equal: int
    refused: tuple[str, ...]
    wrong: tuple[str, ...]


def draw_cases(count: int, seed: int) -> list[Case]:
    """So many cases, no two alike, and the same for the same seed."""
    found: dict[Case, None] = {}

    @hypothesis.seed(seed)
    @settings(
        max_examples=2 * count,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(programs(), options)
    def keep(program: Program, chosen: Options) -> None:
        found[Case(program, chosen)] = None

    keep()
    return list(found)[:count]


def run_cases(bench: Bench, cases: Sequence[Case], together: int) -> Report:
    """Run cases, some at once."""
    equal, refused, wrong = 0, [], []
    for start in range(0, len(cases), together):
        some = cases[start : start + together]
        for case, outcome in zip(some, bench.run(some), strict=True):
            if outcome.wrong:
                shown = print_program(case.program)
                wrong.append("\n".join((f"{shown}\n{case.options}", *outcome.wrong)))
            elif outcome.refused:
                refused.append(outcome.refused)
            else:
                equal += 1
    return Report(equal, tuple(refused), tuple(wrong))
