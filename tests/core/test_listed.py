"""Lines of an index."""

from __future__ import annotations

import pytest

from tracekit.core.listed import Kind, Listed, listed
from tracekit.core.signature import Language


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("language", Language)
def test_a_line_says_all(kind: Kind, language: Language) -> None:
    """A function comes back from its line, whatever it is."""
    function = Listed("Cache::insert", "_ZN5Cache6insertEv", 0x1139, 12, kind, language, 3, 99)
    assert listed(function.line()) == function


def test_a_name_that_is_its_symbol_stands_once() -> None:
    """C's names take half the room."""
    function = Listed("insert", "insert", 1)
    assert function.line().count("insert") == 1
    assert listed(function.line()) == function


@pytest.mark.parametrize(
    "line", ["", "a\tb", "a\t=\tFUNc\t1\t2\t3", "a\t=\tXXXc\t1\t2\t3\t4", "a\t=\tFUNc\t1\tz\t3\t4"]
)
def test_a_damaged_line_is_refused(line: str) -> None:
    """What is no line of an index isn't taken for one."""
    with pytest.raises(ValueError):
        listed(line)


def test_kinds_are_told_apart_by_three_letters() -> None:
    """That is what stands in a line."""
    assert len({kind.name[:3] for kind in Kind}) == len(Kind)
