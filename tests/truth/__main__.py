"""``make truth``: tells the truth about every build that this machine has the compilers for.

    python -m tests.truth [--sample] [--only REGEX] [--functions N] [--seed SEED] [--no-shrink]
                          [--refused REGEX] [--packages]

Ends with a status that isn't 0 if an answer that was given as good or better is wrong, or too many are refused.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence

from tests.truth.builds import ALL, ARM, PACKAGES, Build, BuildError
from tests.truth.dump import DumpError
from tests.truth.evaluate import Report, evaluate, failed, resolver
from tests.truth.judge import Finding, Outcome
from tests.truth.shrink import shrink
from tests.truth.table import HEAD, changed, gate, refusals, row

MOST_PRINTED = 4
"""Leaves that are printed of what is wrong in a build."""

LEAST = {"x86_64": 3000, ARM: 300}
"""Leaves that a whole run has to check, by machine."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the builds that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.truth", description=__doc__)
    parser.add_argument("--sample", action="store_true", help="only the builds that the tests take")
    parser.add_argument("--only", default="", metavar="REGEX", help="only builds whose name matches")
    parser.add_argument("--functions", type=int, default=250, help="how many functions each program has")
    parser.add_argument("--seed", default="1", help="what the functions are drawn by")
    parser.add_argument("--no-shrink", action="store_true", help="don't look for smallest examples")
    parser.add_argument("--refused", metavar="REGEX", help="find a smallest example of what is refused so, too")
    parser.add_argument("--packages", action="store_true", help="only print the tools with their packages")
    options = parser.parse_args(arguments)
    if options.packages:
        print(*(f"{tool}={package}" for tool, package in PACKAGES.items()))
        return 0
    chosen = [b for b in ALL if re.search(options.only, b.name) and (b.sample or not options.sample)]
    broken, reports = False, []
    print(HEAD)
    for build in chosen:
        if build.missing:
            print(f"{build.name:52} left out: {build.how_to_install}")
            continue
        started = time.monotonic()
        try:
            report = evaluate(build, build.functions(options.seed, options.functions), options.seed, resolver())
        except (BuildError, DumpError, AssertionError) as error:
            print(f"{build.name:52} FAILED: {error}")
            broken = True
            continue
        reports.append(report)
        print(row(report, time.monotonic() - started), flush=True)
        explain(report, report.failures(), failed, shrinking=not options.no_shrink)
        if options.refused:

            def wanted(finding: Finding) -> bool:
                refused = finding.outcome is Outcome.REFUSED and not changed(finding)
                return refused and bool(re.search(options.refused, finding.reason))

            explain(report, list(filter(wanted, report.findings)), wanted, shrinking=True)
    return int(summarise(reports, whole=not options.only and not options.sample) or broken)


def explain(
    report: Report, failures: Sequence[Finding], wanted: Callable[[Finding], bool], *, shrinking: bool
) -> None:
    """Prints what is wrong in a build, with one smallest example."""
    for finding in failures[:MOST_PRINTED]:
        path = ".".join(map(str, finding.path))
        print(
            f"    {finding.outcome.value} [{finding.verdict.value}] {finding.symbol}: {path}: {finding.reason}"
        )
        print(f"        {'; '.join(finding.evidence[:3])}")
    if failures and shrinking:
        build: Build = report.build
        function = next(f for f in report.functions if f.number == failures[0].number)
        shrunk = shrink(build, function, report.seed, resolver(), wanted)
        print(f"    the smallest: {build.name}, seed {report.seed}, function {function.number}")
        print("\n".join(f"        {line}" for line in shrunk.text.splitlines()))
        for finding in shrunk.findings[:3]:
            print(f"        {finding.path}: {finding.reason}: {finding.evidence}")


def summarise(reports: Sequence[Report], *, whole: bool) -> bool:
    """Prints the sums, and returns whether something isn't as it has to be."""
    reasons: Counter[str] = Counter()
    for report in reports:
        reasons += report.reasons()
    if reasons:
        print("\nwhy leaves were refused:")
    for reason, count in reasons.most_common(25):
        print(f"  {count:6} {reason}")
    problems = [*gate(reports)]
    for machine, least in LEAST.items():
        own = [r for r in reports if r.build.machine == machine]
        leaves, wrong = sum(len(r.findings) for r in own), sum(len(r.failures()) for r in own)
        altered, others, of = (sum(n) for n in zip(*map(refusals, own), strict=True)) if own else (0, 0, 0)
        print(
            f"\n{machine}: {leaves} leaves in {len(own)} builds, {wrong} wrong, {altered + others} refused, of "
            f"which an optimiser needn't have passed {altered}; {others} of {of} others"
        )
        if whole and leaves < least:
            problems.append(f"only {leaves} leaves on {machine}, of at least {least}")
    print("\n".join(["", *problems]))
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
