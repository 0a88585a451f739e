"""Results as text."""

from __future__ import annotations

import re
import subprocess
import sys
import unicodedata
from fractions import Fraction

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.results_strategies import INTEGERS, RESULTS, maps

from tracekit.core.buckets import Linear, Log2
from tracekit.core.histogram import Histogram
from tracekit.core.result import Loss, LossKind, MapResult, Result
from tracekit.render.text import INCOMPLETE, render_losses, render_result, render_text

HOSTILE = '\x1b[2J\n\u202e\udcff"]: 9'


def lines(*given_maps: MapResult, width: int = 80) -> list[str]:
    return render_text(given_maps, width=width).splitlines()


def test_a_histogram_with_its_figures() -> None:
    """A map without keys: heading, rows, exact figures, quantiles, an empty line."""
    found = Histogram.of([100, 130, 140, 255, 255, 300, 128], Linear(0, 1024, 128))
    assert render_text([MapResult("bytes", "lhist", entries={(): found})]) == (
        "@bytes:\n"
        "[0, 128)               1 |@@@@@@@@@@                                          |\n"
        "[128, 256)             5 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n"
        "[256, 384)             1 |@@@@@@@@@@                                          |\n"
        "count 7, sum 1308, mean 186.857, min 100, max 300\n"
        "p50 [128, 256)  p90 [256, 301)  p99 [256, 301)\n"
        "\n"
    )


def test_figures_that_are_not_known_are_left_out() -> None:
    """Without exact figures only the count is given; values in no bucket are mentioned."""
    scheme = Log2()
    some = Histogram(scheme, Histogram.of([4, 5], scheme).buckets, count=5)
    assert lines(MapResult("", "hist", entries={(): some}))[-4:] == [
        "count 5",
        "3 of them are in no bucket",
        "p50 [4, 8)  p90 [4, 8)  p99 [4, 8)",
        "",
    ]


@pytest.mark.parametrize(
    ("function", "values", "shown"),
    [
        ("count", [-5, 0, 3, 10], "4"),
        ("sum", [-5, 0, 3, 10], "8"),
        ("min", [-5, 0, 3, 10], "-5"),
        ("max", [-5, 0, 3, 10], "10"),
        ("avg", [-5, 0, 3, 10], "2"),
        ("avg", [1, 1, 2], "1.333"),
        ("avg", [-1, -1, -2], "-1.333"),
        ("avg", [1, 0], "0.5"),
        ("avg", [1 << 64, 1], "9223372036854775808.5"),
        ("stats", [-5, 0, 3, 10], "count 4, average 2, total 8, min -5, max 10"),
        ("count", [], "0"),
        ("sum", [], "0"),
        ("min", [], "no events"),
        ("avg", [], "no events"),
        ("stats", [], "no events"),
    ],
)
def test_single_figures(function: str, values: list[int], shown: str) -> None:
    """Figures look as bpftrace's, but a mean isn't cut to an integer, and stats have the extremes."""
    assert lines(MapResult("n", function, entries={(): Histogram.of(values)})) == [f"@n: {shown}"]


@pytest.mark.parametrize(
    ("function", "shown"),
    [
        ("sum", "unknown"),
        ("avg", "unknown"),
        ("max", "unknown"),
        ("stats", "count 3, average unknown, total unknown, min unknown, max unknown"),
    ],
)
def test_a_figure_that_was_lost_is_said_to_be(function: str, shown: str) -> None:
    """A figure that can't be known isn't shown as 0."""
    assert lines(MapResult("n", function, entries={(): Histogram(None, count=3)})) == [f"@n: {shown}"]


@given(INTEGERS, st.integers(1, 1000))
def test_means_are_rounded_exactly(total: int, count: int) -> None:
    """A mean is within half a thousandth of the exact one, at any magnitude."""
    (line,) = lines(MapResult("n", "avg", entries={(): Histogram(None, (), count, total)}))
    assert abs(Fraction(line.removeprefix("@n: ")) - Fraction(total, count)) <= Fraction(1, 2000)


@pytest.mark.parametrize(
    ("function", "shown"), [("count", "@n: 0"), ("hist", "@n: no events"), ("sum", "@n: no events")]
)
def test_a_map_without_events_is_not_silent(function: str, shown: str) -> None:
    """That there was no event is said, whether the map has an empty entry or none."""
    assert lines(MapResult("n", function)) == [shown]
    if function == "hist":
        assert lines(MapResult("n", function, entries={(): Histogram(Log2())})) == [shown]


def test_keys_are_bare_integers_and_quoted_strings() -> None:
    """A key says whether it is a number or text, and text can't break out of its quotes."""
    entries = {(7, "7", HOSTILE): Histogram.of([1])}
    assert lines(MapResult("n", "count", ("pid", "comm", "str(arg0)"), entries)) == [
        '@n[7, "7", "\\x1b[2J\\n\\u202e\\xff\\"]: 9"]: 1'
    ]


def test_a_stack_has_a_line_for_each_frame() -> None:
    """Stacks stand as bpftrace shows them, escaped; other keys of the map as always."""
    entries = {("f+0\nmain\x1b+8", 3): Histogram(None, count=2)}
    assert lines(MapResult("", "count", ("ustack", "pid"), entries)) == [
        "@[", "    f+0", "    main\\x1b+8", ", 3]: 2",
    ]  # fmt: skip


def test_no_key_is_cut() -> None:
    """A key that is longer than the terminal is shown whole, in the heading of a histogram too."""
    key = "k" * 500
    for function, histogram in (("count", Histogram.of([1])), ("hist", Histogram.of([1], Log2()))):
        found = lines(MapResult("n", function, ("comm",), {(key,): histogram}), width=40)
        assert found[0].startswith(f'@n["{key}"]:')


@pytest.mark.parametrize(
    ("function", "order"),
    [
        # a: 1 value of 9; b: 2 values, 1 and 2; c: 3 values, all -1
        ("count", "abc"),
        ("hist", "abc"),
        ("sum", "cba"),
        ("stats", "cba"),
        ("min", "cba"),
        ("max", "cba"),
        ("avg", "cba"),
    ],
)
def test_entries_are_in_bpftraces_order(function: str, order: str) -> None:
    """Entries go up by what the map keeps, a distribution's by its count: the greatest stands last."""
    scheme = Log2() if function == "hist" else None
    values = {"b": [1, 2], "c": [-1, -1, -1], "a": [9]}
    entries = {(key,): Histogram.of(found, scheme) for key, found in values.items()}
    text = render_text([MapResult("n", function, ("comm",), entries)])
    assert re.findall(r'@n\["(.)"\]', text) == list(order)


def test_equal_entries_are_in_the_order_of_their_keys() -> None:
    """Ties are in the order of keys, numbers first, so that the same result gives the same text."""
    keys = ["b", 10, "a", 9, -1]
    entries = {(key,): Histogram.of([1]) for key in keys}
    text = render_text([MapResult("n", "count", ("k",), entries)])
    assert re.findall(r"\[(.*)\]", text) == ["-1", "9", "10", '"a"', '"b"']
    unknown = MapResult("n", "sum", ("k",), {(1,): Histogram.of([-9]), (2,): Histogram(None, count=1)})
    assert lines(unknown) == ["@n[2]: unknown", "@n[1]: -9"]


@given(st.lists(maps(), max_size=3), st.booleans())
def test_every_key_of_every_map_is_shown_once(given_maps: list[MapResult], colour: bool) -> None:
    """No entry is left out or shown twice, and with many maps each is what it would be alone."""
    text = render_text(given_maps, colour=colour)
    headings = sum(line.startswith("@") for line in text.splitlines())
    assert headings == sum(max(1, len(m.entries)) for m in given_maps)
    assert text == "".join(render_text([m], colour=colour) for m in given_maps)


@given(RESULTS)
def test_nothing_of_a_target_reaches_the_terminal_raw(result: Result) -> None:
    """Whatever keys, names, messages and notes hold, the text is printable lines."""
    for text in (render_result(result), render_losses(result)):
        assert all(c in " \n" or unicodedata.category(c)[0] not in "CZ" for c in text)
        assert text == "" or text.endswith("\n")


def complete(result: Result, **changes: object) -> Result:
    return attrs.evolve(result, **{"complete": True, "losses": (), "notes": (), **changes})


@given(RESULTS)
def test_an_incomplete_result_says_so_first_and_last(result: Result) -> None:
    """The first and the last line of an incomplete result say that it is; no line of a complete one does."""
    found = render_result(attrs.evolve(result, complete=False)).splitlines()
    assert found[0] == found[-1] == INCOMPLETE
    assert render_losses(attrs.evolve(result, complete=False)).splitlines()[0] == INCOMPLETE
    assert INCOMPLETE not in render_result(attrs.evolve(result, complete=True))


@given(RESULTS)
def test_losses_follow_the_maps(result: Result) -> None:
    """A whole result is its maps; what is missing stands under them, and is the same apart."""
    loss = Loss(LossKind.KEYS, f"3 keys of {HOSTILE} had no room", 3, "n", "Use fewer keys.")
    told = complete(result, losses=(loss,), notes=("a\nnote",))
    said = (
        'warning: 3 keys of \\x1b[2J\\n\\u202e\\xff"]: 9 had no room\n'
        "         Use fewer keys.\n"
        "note: a\\nnote\n"
    )
    assert render_losses(told) == said
    assert render_result(told) == render_text(result.maps) + said
    assert render_result(complete(result)) == render_text(result.maps)
    assert render_losses(complete(result)) == ""


def test_text_needs_no_json_machinery() -> None:
    """Rendering text imports neither cattrs nor numpy."""
    program = (
        "import sys, tracekit.render.text, tracekit.render.run_file\n"
        "print(sorted({'cattrs', 'numpy'} & sys.modules.keys()))\n"
    )
    path = f"import sys; sys.path[:] = {sys.path!r}\n"
    done = subprocess.run([sys.executable, "-c", path + program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
