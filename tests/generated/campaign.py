"""Draws cases by a seed, and runs all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from tests.generated.draw import options, programs
from tests.generated.tracing import Bench, Case, Outcome

from tracekit.backends.base import Options
from tracekit.core.program import Program
from tracekit.syntax import print_program


def draw_cases(count: int, seed: str) -> list[Case]:
    """So many cases, no two alike, and the same for the same seed."""
    found: dict[Case, None] = {}

    @hypothesis.seed(seed)
    @settings(
        max_examples=count * 5 // 4 + 8,
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


def outcomes(bench: Bench, cases: Sequence[Case], together: int) -> Iterator[tuple[Case, Outcome]]:
    """What comes of each case, as they are run, some at once."""
    for start in range(0, len(cases), together):
        some = cases[start : start + together]
        yield from zip(some, bench.run(some), strict=True)


def told(case: Case, outcome: Outcome) -> str:
    """A case and what is wrong with it, for a person."""
    options = f"exact={case.options.exact} max_string={case.options.max_string}"
    return "\n".join((f"{print_program(case.program)}{options}", *outcome.wrong))
