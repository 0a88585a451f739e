"""The page on safety names its proofs: every one exists, and no hazard is without."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/safety.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
HEADING = re.compile(r"^## (.*)\n((?:(?!## ).*\n?)*)", re.MULTILINE)


def section(title: str) -> str:
    return dict(HEADING.findall(PAGE))[title]


def rows(title: str) -> list[str]:
    """The rows of a section's tables, without their heads."""
    lines = section(title).splitlines()
    return [
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if line.startswith("| ") and before.startswith("|")
    ]


@cache
def defined_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text()) if (ROOT / file).exists() else ast.Module([], [])
    return frozenset(
        n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")
    )


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED.findall(PAGE))))
def test_every_proof_exists(file: str, name: str) -> None:
    """A test that the page names is defined in the file that it names."""
    assert name in defined_in(file)


def test_every_name_of_a_test_is_read() -> None:
    """Nothing on the page looks like a test's name and isn't checked."""
    assert len(re.findall(r"::test_", PAGE)) == len(NAMED.findall(PAGE)) > 60


@pytest.mark.parametrize(
    "row", rows("Hazards, and what is done about each"), ids=lambda row: row.split("|")[1].strip()
)
def test_every_hazard_has_a_proof(row: str) -> None:
    """Each row of the table names at least one test."""
    assert NAMED.search(row)


def test_every_promise_has_a_proof() -> None:
    """Each promise names at least one test."""
    promises = re.findall(r"^- .*(?:\n  .*)*", section("Promises"), re.MULTILINE)
    assert len(promises) >= 10
    assert [promise for promise in promises if not NAMED.search(promise)] == []
