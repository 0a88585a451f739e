"""What the static rule says of random signatures in real binaries, against the values that were passed."""

from __future__ import annotations

import pytest
from tests.truth.builds import ALL, Build
from tests.truth.evaluate import evaluate, resolver
from tests.truth.table import gate

FUNCTIONS = 50
SEED = "sample"


@pytest.mark.parametrize("build", [b for b in ALL if b.sample], ids=lambda b: b.name)
def test_every_answer_is_right(build: Build) -> None:
    """No location that is given as good or better is wrong, and hardly any is refused without need."""
    if build.missing:
        pytest.skip(build.how_to_install)
    report = evaluate(build, build.functions(SEED, FUNCTIONS), SEED, resolver())
    assert report.findings
    assert not list(gate(report)), "\n".join(
        [str(f) for f in report.failures()[:3]]
        + [f"{n} {reason}" for reason, n in report.reasons().most_common(5)]
    )
