"""The picture of a histogram."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.render.hostile import RESULT as HOSTILE
from tests.render.run_file_sample import RESULT
from tests.results_strategies import SCHEMES, histograms

from tracekit.core.buckets import Log2
from tracekit.core.histogram import Histogram
from tracekit.core.result import Result
from tracekit.errors import UsageError
from tracekit.render.facts import Caption, caption
from tracekit.render.shape import multiples, powers, shape, tick_text
from tracekit.render.svg import render_svg, share

SVG = "{http://www.w3.org/2000/svg}"


def drawn(result: Result, n: int = 0) -> ElementTree.Element:
    """The picture of a result's map, all its keys together, as a reader of XML sees it."""
    map_ = result.maps[n]
    first, *rest = map_.entries.values()
    text = render_svg(sum(rest, first), caption(result, map_, None if rest else next(iter(map_.entries))))
    return ElementTree.fromstring(text)


def test_a_picture() -> None:
    """It has a title, a description with the figures, and a bar that says of each bucket how many."""
    picture = drawn(attrs.evolve(RESULT, losses=()))
    assert picture.findtext(f"{SVG}title") == "@bytes"
    described = picture.findtext(f"{SVG}desc")
    assert "lhist(arg2, 0, 16, 8) at uprobe:./itest.test:cache_insert. count 4, sum 57" in described
    assert "INCOMPLETE" not in described
    bars = [rect.findtext(f"{SVG}title") for rect in picture.iter(f"{SVG}rect")][1:]
    assert bars == [
        "[0, 8): 2, 50.00%; cumulative 50.00%",
        "[8, 16): 1, 25.00%; cumulative 75.00%",
        "[16, ...): 1, 25.00%; cumulative 100.00%",
    ]


def test_what_is_missing_is_in_it() -> None:
    """An incomplete result says so over the picture and in its description, and each loss under it."""
    text = "".join(drawn(attrs.evolve(RESULT, complete=False)).itertext())
    assert text.count("INCOMPLETE: not all was counted") == 2
    assert text.count("3 events were lost") == 2


@pytest.mark.parametrize("n", [0, 2])
def test_nothing_of_the_target_is_markup(n: int) -> None:
    """Hostile names are text: the document is XML with our own elements only, and no script."""
    picture = drawn(HOSTILE, n)
    allowed = {f"{SVG}{name}" for name in ("svg", "title", "desc", "style", "rect", "text", "g", "path")}
    assert {element.tag for element in picture.iter()} == allowed
    assert all(text.replace("\n", " ").isprintable() for text in picture.itertext())


def test_no_buckets_no_picture() -> None:
    """What has no buckets is refused."""
    with pytest.raises(UsageError, match="@n has no buckets to draw"):
        render_svg(Histogram.of([1]), Caption("@n"))


@settings(max_examples=50)
@given(histograms(SCHEMES).filter(lambda h: h.buckets))
def test_bars_have_their_places(histogram: Histogram) -> None:
    """Bars are in order, don't overlap, stay inside, and are as high as their counts say."""
    found = shape(histogram)
    assert [bar.bucket for bar in found.bars] == list(histogram.buckets)
    edges = [edge for bar in found.bars for edge in (bar.left, bar.right)]
    assert all(a <= b + 1e-9 for a, b in pairwise(edges))
    assert edges[0] >= -1e-9 and edges[-1] <= 1 + 1e-9
    assert all(
        abs(b.height * found.bars[0].bucket.count - b.bucket.count * found.bars[0].height) < 1e-6
        for b in found.bars
    )
    assert len(found.across) <= 20 and all(-1e-9 <= tick.at <= 1 + 1e-9 for tick in (*found.across, *found.up))


@pytest.mark.parametrize(
    ("found", "texts"),
    [
        (multiples(500, 16384, 2), "2K 4K 6K 8K 10K 12K 14K 16K"),
        (multiples(-3, 101, 10), "0 20 40 60 80 100"),
        (powers(0, 1 << 20, 2), "0 1 8 64 512 4K 32K 256K"),
        (powers(-8, 8, 2), "−4 −1 0 1 4"),
        (powers(512, 32768, 2), "512 1K 2K 4K 8K 16K 32K"),
    ],
)  # fmt: skip
def test_ticks_are_round(found: list[int], texts: str) -> None:
    """Ticks are at round numbers, few, and evenly apart."""
    assert [tick_text(value, 2) for value in found] == texts.split()


def test_numbers_of_ticks() -> None:
    """K is 1024 with powers of two; decimal numbers are whole, or powers when they are long."""
    assert [tick_text(n, 10) for n in (1024, 100_000, 10_000_000, 50_000_000)] == [
        "1024",
        "100000",
        "10⁷",
        "5·10⁷",
    ]
    assert tick_text(-(1 << 70), 2) == "−1024E"


@settings(max_examples=50)
@given(st.integers(0, 1 << 70), st.integers(1, 1 << 70))
def test_shares(count: int, rest: int) -> None:
    """A share is rounded, but what isn't all is never called all, nor what is something nothing."""
    shown = float(share(count, count + rest).removesuffix("%"))
    assert abs(shown - 100 * count / (count + rest)) < 0.011
    assert shown < 100 and bool(shown) == bool(count)


def test_the_same_buckets_are_the_same_width() -> None:
    """Powers of two are as far from each other as they are from 0 and 1."""
    bars = shape(Histogram.of([0, 1, 2, 4, 1024], Log2())).bars
    widths = [bar.right - bar.left for bar in bars]
    assert max(widths) - min(widths) < 1e-9
