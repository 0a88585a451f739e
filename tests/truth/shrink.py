"""Makes a function for which something is wrong as small as it goes, as hypothesis does with its examples."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
from tests.truth.builds import Build, BuildError
from tests.truth.dump import DumpError
from tests.truth.evaluate import Resolve, evaluate, failed
from tests.truth.judge import Finding
from tests.truth.model import Function, simpler

BATCH = 40
"""Variants that are compiled together, as one program."""


@attrs.frozen
class Shrunk:
    """A smallest function with a wrong leaf.

    Attributes:
        function: the function.
        findings: its leaves that are wrong.
        text: the program that calls it.
    """

    function: Function
    findings: Sequence[Finding]
    text: str


def shrink(
    build: Build,
    function: Function,
    seed: object,
    resolve: Resolve,
    wanted: Callable[[Finding], bool] = failed,
) -> Shrunk:
    """Takes a function apart as long as something stays wrong, or what else is wanted.

    Args:
        build: how it is built.
        function: one with a leaf that is wanted.
        seed: the seed of the values.
        resolve: what is under test.
        wanted: what has to stay.

    Raises:
        BuildError: if the function doesn't compile alone.
        DumpError: if it doesn't run.
    """
    number = 0
    best = attrs.evolve(function, number=0, origin=function.number)
    wrong = [f for f in evaluate(build, [best], seed, resolve).findings if wanted(f)]
    found = True
    while found:
        found = False
        variants = list(simpler(best))
        for start in range(0, len(variants), BATCH):
            batch = [
                attrs.evolve(f, number=number + i)
                for i, f in enumerate(variants[start : start + BATCH], start=1)
            ]
            number += len(batch)
            failing = _wrong(build, batch, seed, resolve, wanted)
            if failing:
                first = min(failing)
                best, wrong = next(f for f in batch if f.number == first), failing[first]
                found = True
                break
    return Shrunk(best, wrong, _source(build, best, seed))


def _wrong(
    build: Build,
    functions: Sequence[Function],
    seed: object,
    resolve: Resolve,
    wanted: Callable[[Finding], bool],
) -> dict[int, list[Finding]]:
    """The wrong leaves of some functions, by number; those that don't compile count for nothing."""
    with tempfile.TemporaryDirectory(prefix="truth-") as folder:
        try:
            report = evaluate(build, functions, seed, resolve, Path(folder))
        except (BuildError, DumpError, AssertionError, ValueError, IndexError, KeyError):
            if len(functions) <= 1:
                return {}
            half = len(functions) // 2
            first = _wrong(build, functions[:half], seed, resolve, wanted)
            return first or _wrong(build, functions[half:], seed, resolve, wanted)
    found: dict[int, list[Finding]] = {}
    for finding in report.findings:
        if wanted(finding):
            found.setdefault(finding.number, []).append(finding)
    return found


def _source(build: Build, function: Function, seed: object) -> str:
    """A program's text, without what every program begins with."""
    files = build.emit([function], seed).files
    text = next(t for name, t in files.items() if name.startswith("main"))
    lines = text.splitlines()
    mark = next((i for i, line in enumerate(lines) if function.name in line), 0)
    while mark and lines[mark - 1].startswith(
        ("struct", "class", "union", "enum", "typedef", "type", "pub", "#[")
    ):
        mark -= 1
    return "\n".join(lines[mark:])
