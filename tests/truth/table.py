"""The table of ``make truth``, and what a build has to fulfil."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.truth.evaluate import Report
from tests.truth.judge import Finding, Outcome

from tracekit.core.verdict import Verdict

HEAD = (
    f"{'build':52} {'leaves':>6} {'verif.':>6} {'high':>6} {'good':>6} {'WRONG':>6} {'refused':>7}"
    f" {'of which':>8} {'others':>7}\n{'':52} {'':6} {'':6} {'':6} {'':6} {'':6} {'':7} {'changed':>8} {'':7}"
)
MOST_REFUSED = 0.03
"""The greatest share of leaves that may be refused though their function was called as it is written."""


def changed(finding: Finding) -> bool:
    """Whether an optimiser needn't have passed a leaf as the source says; known without what is tested."""
    return not finding.read or finding.changed


def refusals(report: Report) -> tuple[int, int, int]:
    """How many leaves were refused that need not have been passed, how many others, and of how many others."""
    refused = [f for f in report.findings if f.outcome is Outcome.REFUSED]
    others = [f for f in report.findings if not changed(f)]
    return sum(map(changed, refused)), sum(not changed(f) for f in refused), len(others)


def row(report: Report, seconds: float) -> str:
    """A build's line in the table."""
    right = [report.count(Outcome.RIGHT, v) for v in (Verdict.VERIFIED, Verdict.HIGH, Verdict.GOOD)]
    altered, others, of = refusals(report)
    share = f"{100 * others / of:.1f}%" if of else "-"
    return (
        f"{report.build.name:52} {len(report.findings):6} {right[0]:6} {right[1]:6} {right[2]:6}"
        f" {len(report.failures()):6} {altered + others:7} {altered:8} {share:>7}  {seconds:.0f} s"
    )


def gate(reports: Sequence[Report]) -> Iterator[str]:
    """What is not as it has to be, a sentence each: in each build, and in all of them together."""
    for report in reports:
        if wrong := len(report.failures()):
            yield f"{report.build.name}: {wrong} leaves are wrong"
    sums = [refusals(report) for report in reports]
    others, of = sum(s[1] for s in sums), sum(s[2] for s in sums)
    if others > MOST_REFUSED * of:
        yield f"{others} of {of} leaves were refused that their functions read"
