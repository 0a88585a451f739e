"""What the static rule says of random signatures in real binaries, against the values that were passed."""

from __future__ import annotations

import functools
from collections import Counter

import pytest
from tests.truth.builds import ALL, Build
from tests.truth.evaluate import Report, evaluate, resolver
from tests.truth.table import gate

FUNCTIONS = 50
SEED = "sample"


SAMPLE = [build for build in ALL if build.sample]


@functools.cache
def report_on(build: Build) -> Report:
    """What the static rule says of a build's functions."""
    if build.missing:
        pytest.skip(build.how_to_install)
    return evaluate(build, build.functions(SEED, FUNCTIONS), SEED, resolver())


@pytest.mark.parametrize("build", SAMPLE, ids=lambda build: build.name)
def test_every_answer_is_right(build: Build) -> None:
    """No location that is given as good or better is wrong."""
    report = report_on(build)
    assert report.findings
    assert not report.failures(), "\n".join(map(str, report.failures()[:3]))


def test_hardly_any_is_refused() -> None:
    """Of what the functions were called with as it is written, at most 3 % are refused."""
    reports = [report_on(build) for build in SAMPLE if not build.missing]
    reasons = sum((report.reasons() for report in reports), Counter())
    assert not list(gate(reports)), "\n".join(f"{n} {reason}" for reason, n in reasons.most_common(9))
