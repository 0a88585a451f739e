"""The page of a result, as text and in headless Chromium."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import attrs
import pytest
from tests.render.browser import PROGRAM, Browser, browser
from tests.render.hostile import RESULT as HOSTILE
from tests.render.hostile import WORDS
from tests.render.run_file_sample import RESULT

from tracekit.core.buckets import Linear, Log2
from tracekit.core.histogram import Histogram
from tracekit.core.result import MapResult, Result
from tracekit.render.html import render_html
from tracekit.render.shape import shape

KEYED = MapResult("keyed", "hist", ("pid",), {(n,): Histogram.of([n] * n, Log2()) for n in range(1, 6)})
"""What is needed beside the sample: several keys."""


class Elements(HTMLParser):
    """The elements of a page, and the text that is none of its script, style and data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self.text += data


def test_it_is_readable_without_its_script() -> None:
    """The first histogram's picture, table and figures are there, and what is missing comes first."""
    text = Elements(render_html(attrs.evolve(RESULT, complete=False))).text
    main = re.sub(r"\s+", " ", text[text.index("INCOMPLETE") :])
    assert main.startswith("INCOMPLETE: not all was counted; no number here is more than a lower bound. 3 ")
    assert "count 4sum 57mean 14.25" in main
    assert "bucketcountsharecumulative [0, 8)250.00%50.00% [8, 16)125.00%75.00%" in main
    assert "[8, 16): 1, 25.00%; cumulative 75.00%" in main  # the bar's title
    assert "value.lencache_insertsize_trdx (arg2)highboth" in main
    assert "This is the first of 2; the others need JavaScript." in main


def test_whole_results_say_nothing_of_losses() -> None:
    """The box for what is missing is there only if something is."""
    whole = attrs.evolve(RESULT, losses=())
    assert 'class="losses"' not in render_html(whole)
    assert 'class="losses"' in render_html(RESULT)


def test_nothing_of_the_target_is_markup() -> None:
    """Hostile text adds no element, no attribute and no character that isn't visible."""
    text = render_html(HOSTILE)
    page = Elements(text)
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "data"}, {}]
    assert not {tag for tag, _ in page.tags} & {"img", "iframe", "link", "object", "embed", "base"}
    names = {name for _, attributes in page.tags for name in attributes}
    assert not [name for name in names if name.startswith("on") or name in ("style", "src", "href")]
    assert all(c.isprintable() or c == "\n" for c in text)
    assert json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_results_without_histograms() -> None:
    """Numbers, no events and no maps at all have a page too."""
    numbers = render_html(attrs.evolve(RESULT, maps=RESULT.maps[1:]))
    assert '<th scope="row">[2, &quot;b&quot;]</th><td>5</td>' in numbers
    for maps in ((), (MapResult("n", "hist"),), (MapResult("n", "count"),)):
        assert "</html>" in render_html(attrs.evolve(RESULT, maps=maps))


needs_chromium = pytest.mark.skipif(PROGRAM is None, reason="no chromium here: apt-get install chromium")


@pytest.fixture(scope="module")
def tab() -> Iterator[Browser]:
    """A browser for all tests of this file."""
    with browser() as found:
        yield found


def opened(tab: Browser, folder: Path, result: Result, **screen: bool) -> list[dict]:
    """Show a result's page; returns what went wrong."""
    (folder / "page.html").write_text(render_html(result), "utf-8")
    tab.screen(1000, 700, **screen)
    return tab.open(folder / "page.html")


def texts(tab: Browser, selector: str) -> list[str]:
    return tab.value(f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.textContent)")


@needs_chromium
def test_the_script_says_what_the_page_says(tab: Browser, tmp_path: Path) -> None:
    """The script draws the same table, figures and ticks as there are without it, and all is quiet."""
    scheme = Linear(-64, 4096, 64)
    values = [n * n % 5000 - 90 for n in range(500)]
    for histogram in (
        Histogram.of(values, scheme),
        Histogram.of(values, Log2(1)),
        Histogram.of([1 << 62, 3, -(1 << 40)], Log2()),
    ):
        result = attrs.evolve(RESULT, maps=(MapResult("m", "hist", entries={(): histogram}),))
        seen = []
        for script in (False, True):
            assert opened(tab, tmp_path, result, script=script) == []
            tab.screen(1000, 700)  # what is asked below is a script, too
            seen.append(
                [texts(tab, s) for s in ("#rows td", "#rows th", "#figures div", "#name", "#chart text")]
            )
        assert seen[0][:4] == seen[1][:4]
        assert set(seen[1][4]) == {tick.text for tick in (*shape(histogram).across, *shape(histogram).up)}


@needs_chromium
def test_hostile_text_does_nothing(tab: Browser, tmp_path: Path) -> None:
    """Nothing is fetched, run or logged, and every key can be chosen and is shown as text."""
    assert opened(tab, tmp_path, HOSTILE) == []
    names = set()
    for n in range(len(WORDS) + 3):
        tab.value(f"by('list').selectedIndex = {n}; by('list').dispatchEvent(new Event('change'))")
        names.add(tab.value("by('name').textContent"))
    assert len(names) == len(WORDS) + 3
    assert any("</script><img src=x onerror=alert(1)>" in name for name in names)
    assert tab.value("document.querySelectorAll('img, script').length") == 2
    assert not [event for event in tab.events if event["method"].startswith(("Log", "Runtime.exc"))]


@needs_chromium
def test_hover_and_keys(tab: Browser, tmp_path: Path) -> None:
    """The pointer and the arrow keys show a bucket's count, share and cumulative share."""
    assert opened(tab, tmp_path, attrs.evolve(RESULT, maps=RESULT.maps[:1])) == []
    box = tab.value("(({x, y, width, height}) => [x, y, width, height])(by('chart').getBoundingClientRect())")
    tab.hover(box[0] + box[2] - 40, box[1] + 50)
    assert texts(tab, "#tip b, #tip span") == ["[16, ...)", "count 1", "share 25.00%", "cumulative 100.00%"]
    tab.value("by('cursor').focus()")
    tab.key("ArrowLeft")
    assert texts(tab, "tr.here th") == ["[8, 16)"]
    tab.key("ArrowLeft")
    tab.key("ArrowLeft")  # there is none before the first
    said = tab.value("by('cursor').getAttribute('aria-valuetext')")
    assert said == "[0, 8), count 2, share 50.00%, cumulative 50.00%"
    outline = "getComputedStyle(by('cursor')).outlineStyle"
    assert tab.value(outline) == "solid"
    tab.key("Escape")
    assert tab.value("by('tip').hidden")


@needs_chromium
def test_choosing(tab: Browser, tmp_path: Path) -> None:
    """The list has every map and key, is searched, and shows what is chosen; numbers are a table."""
    assert opened(tab, tmp_path, attrs.evolve(RESULT, maps=(*RESULT.maps, KEYED))) == []
    assert tab.value("by('number').textContent") == "8 found"
    assert [text.split("\u2002")[0].strip() for text in texts(tab, "option")][:4] == [
        "@bytes", "@n (sum, 2 keys)", "@keyed, all 5 keys together", "@keyed[5]",
    ]  # fmt: skip
    tab.value("by('search').value = 'KEYED[3'; by('search').dispatchEvent(new Event('input'))")
    assert tab.value("by('number').textContent") == "1 found"
    tab.value("by('list').selectedIndex = 0; by('list').dispatchEvent(new Event('change'))")
    assert texts(tab, "#name") == ["@keyed[3]"] and texts(tab, "#rows td") == ["3", "100.00%", "100.00%"]
    tab.value("by('search').value = ''; by('search').dispatchEvent(new Event('input'))")
    tab.value("by('list').selectedIndex = 1; by('list').dispatchEvent(new Event('change'))")
    assert texts(tab, "#rows th") == ['@n[2, "b"]', '@n[ONE, "caf\\xe9"]'] and tab.value("by('chart').hidden")


@needs_chromium
def test_axes(tab: Browser, tmp_path: Path) -> None:
    """Values and counts can be linear or logarithmic."""
    assert opened(tab, tmp_path, attrs.evolve(RESULT, maps=(KEYED,))) == []
    before = tab.value("bars.map(b => [b.left, b.height])")
    tab.value("document.querySelector('input[name=x][value=linear]').click()")
    tab.value("document.querySelector('input[name=y][value=log]').click()")
    after = tab.value("bars.map(b => [b.left, b.height])")
    assert [b[0] for b in after] == [1 / 8, 2 / 8, 4 / 8] != [b[0] for b in before]
    assert after[0][1] > before[0][1]


@needs_chromium
@pytest.mark.parametrize("dark", [False, True])
def test_contrast_and_narrow_screens(tab: Browser, tmp_path: Path, dark: bool) -> None:
    """All text stands out by 4.5 to 1, and nothing is wider than a screen of 320 pixels."""
    assert opened(tab, tmp_path, attrs.evolve(HOSTILE, maps=(*HOSTILE.maps, KEYED)), dark=dark) == []
    least = tab.value(
        """
        (() => {
          const light = (c) => c.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
            .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
            .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
          const behind = (e) => { for (; e; e = e.parentElement) {
            const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)/.test(c)) return c; } };
          let least = 99;
          for (const e of document.querySelectorAll("main *")) {
            const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
            if (!own || !e.getClientRects().length || e.matches("script, style, title, desc, option")) continue;
            const style = getComputedStyle(e), ink = e instanceof SVGElement ? style.fill : style.color;
            const [a, b] = [light(ink), light(behind(e))].sort((x, y) => y - x);
            least = Math.min(least, (a + 0.05) / (b + 0.05));
          }
          return least;
        })()
        """
    )
    assert 4.5 <= least < 22
    tab.screen(320, 700, dark=dark)
    tab.value("new Promise(requestAnimationFrame).then(() => 1)")
    assert tab.value("document.documentElement.scrollWidth") == 320
