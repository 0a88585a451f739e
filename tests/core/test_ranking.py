"""Names that a person may mean by a few letters."""

from __future__ import annotations

import pytest

from tracekit.core.ranking import Fit, endings, fit, ranked, tails

NAMES = (
    "Cache::insert",
    "cache_insert",
    "cache_insert_all",
    "insert",
    "insertion_sort",
    "main.(*Cache).Insert",
    "net/http.(*Server).Serve",
    "reinsert",
    "std::vector::insert",
    "unrelated",
)


def found(pattern: str) -> list[str]:
    """The names that a pattern fits, best first."""
    return [NAMES[i] for i in ranked(pattern, NAMES)]


def test_the_best_fit_comes_first() -> None:
    """The whole name, then its last part, its beginnings, its words, any place; ties go by case and name."""
    assert found("insert") == [
        "insert",
        "Cache::insert",
        "std::vector::insert",
        "main.(*Cache).Insert",
        "insertion_sort",
        "cache_insert",
        "cache_insert_all",
        "reinsert",
    ]


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("cache::insert", "Cache::insert", Fit.EXACT),
        ("server.serve", "net/http.(*Server).Serve", Fit.INITIALS),
        ("(*server).serve", "net/http.(*Server).Serve", Fit.LAST),
        ("serve", "net/http.(*Server).Serve", Fit.LAST),
        ("net", "net/http.(*Server).Serve", Fit.PREFIX),
        ("http", "net/http.(*Server).Serve", Fit.WORD),
        ("sert", "cache_insert", Fit.INSIDE),
        ("cins", "cache_insert", Fit.INITIALS),
        ("c_ins", "cache_insert", Fit.INITIALS),
        ("hss", "net/http.(*Server).Serve", Fit.LETTERS),
        ("sess", "parseHTTPSession", Fit.WORD),
        ("phs", "parseHTTPSession", Fit.INITIALS),
        ("cset", "cache_insert", Fit.LETTERS),
    ],
)
def test_how_a_pattern_fits(pattern: str, name: str, expected: Fit) -> None:
    """Each way of fitting is known by its example."""
    assert fit(pattern, name) is expected


def test_scattered_letters_count_only_where_nothing_else_fits() -> None:
    """A word isn't drowned in names that only have its letters; a slip of the finger still finds."""
    assert "unrelated" not in found("nsert")
    assert found("unrltd") == ["unrelated"]
    assert found("xyz") == []


def test_a_star_means_what_it_means_in_a_probe() -> None:
    """A pattern with a star fits whole names, with letters as they are."""
    assert found("*insert") == ["Cache::insert", "cache_insert", "insert", "reinsert", "std::vector::insert"]
    assert found("Insert*") == []


def test_a_go_name_with_a_star_is_that_name() -> None:
    """A star that stands in the name itself is no wildcard."""
    assert found("main.(*Cache).Insert") == ["main.(*Cache).Insert"]


def test_what_is_preferred_comes_before_what_fits_as_well() -> None:
    """Preference decides among equals, and never against a better fit."""
    chosen = ranked("insert", NAMES, lambda i: NAMES[i] == "std::vector::insert")
    assert [NAMES[i] for i in chosen[:3]] == ["insert", "std::vector::insert", "Cache::insert"]


def test_all_names_fit_an_empty_pattern() -> None:
    """Without a pattern, all names come in their order."""
    assert found("") == sorted(NAMES)


def test_a_hostile_name_is_answered() -> None:
    """Names and patterns that make careless expressions run forever are compared like any other."""
    name = "a" * 4000 + "b" + "aB_" * 400
    assert ranked("a" * 60 + "c", [name]) == []
    assert ranked("ab" * 90, [name]) == [0]
    assert ranked("a" * 5000, [name]) == []


def test_what_is_left_of_a_name() -> None:
    """Outer scopes and words fall away one by one."""
    assert tails("a/b.(*T).M") == ["a/b.(*T).M", "b.(*T).M", "(*T).M", "M"]
    assert endings("Cache::insertAll_now") == ["insertAll_now", "All_now", "now"]
