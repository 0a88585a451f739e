"""Some of the programs that ``python -m tests.generated`` draws, on the kernel that runs here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.generated.campaign import draw_cases, outcomes, told
from tests.generated.tracing import Bench, build

PROGRAMS = 40
SEED = os.environ.get("TRACEKIT_SEED") or "2"


@pytest.mark.live
def test_generated_programs_give_what_the_model_says(tmp_path: Path) -> None:
    """Filters, keys, memory, strings and aggregations of any shape are exact, or refused with a reason."""
    if os.geteuid() != 0:
        pytest.skip("tracing needs root")
    if os.uname().machine != "x86_64":
        pytest.skip("the programs have registers of x86-64")
    with Bench(build(tmp_path)) as bench:
        found = list(outcomes(bench, draw_cases(PROGRAMS, SEED), together=20))
    wrong = [told(case, outcome) for case, outcome in found if outcome.wrong]
    assert not wrong, "\n\n".join(wrong[:3])
    refused = [outcome.refused for _, outcome in found if outcome.refused]
    assert len(refused) <= PROGRAMS // 4, refused
