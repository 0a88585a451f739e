"""How results show themselves in a notebook."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import attrs
import pytest
from tests.render.hostile import RESULT as HOSTILE
from tests.render.run_file_sample import RESULT

from tracekit.core.buckets import Log2
from tracekit.core.histogram import Histogram
from tracekit.core.result import MapResult


def pictures(html: str) -> list[str]:
    """The texts of the pictures in it."""
    found = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', html)
    return ["".join(ElementTree.fromstring(base64.b64decode(one)).itertext()) for one in found]


def test_a_histogram() -> None:
    """It is a picture with its figures; as text it is what the command line prints."""
    bundle = Histogram.of([3, 5, 9], Log2())._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "image/svg+xml"}
    assert bundle["text/plain"].startswith("[2, 4)") and "count 3, sum 17" in bundle["text/plain"]
    (picture,) = pictures(bundle["text/html"])
    assert "[4, 8): 1, 33.33%; cumulative 66.67%" in picture
    assert 'alt="count 3, sum 17' in bundle["text/html"]


def test_figures_alone() -> None:
    """A histogram without buckets is its figures."""
    assert Histogram.of([1, 2])._repr_html_() == "<pre>count 2, average 1.5, total 3, min 1, max 2\n</pre>"


def test_a_result() -> None:
    """What is missing comes first, then each map: pictures, and a table for single figures."""
    html = attrs.evolve(RESULT, complete=False)._repr_html_()
    assert html.startswith("<p><strong>INCOMPLETE") and "3 events were lost" in html
    assert len(pictures(html)) == 1
    assert "<th scope='row'>@n[2, &quot;b&quot;]</th><td>5</td>" in html


def test_a_map() -> None:
    """Of many keys, those with the most are shown, and how many more there are."""
    entries = {(n,): Histogram.of([1] * n, Log2()) for n in range(1, 13)}
    html = MapResult("m", "hist", ("pid",), entries)._repr_html_()
    assert len(pictures(html)) == 10 and "2 more keys have fewer." in html
    assert "@m: no events" in MapResult("m", "hist")._repr_html_()


@pytest.mark.parametrize("shown", [HOSTILE, *HOSTILE.maps])
def test_nothing_of_the_target_is_markup(shown: object) -> None:
    """Hostile text adds no element to a notebook."""
    tags: set[str] = set()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: tags.add(tag)
    html = shown._repr_html_()
    parser.feed(html)
    assert tags <= {"p", "strong", "ul", "li", "img", "table", "thead", "tbody", "tr", "th", "td"}
    assert all(c.isprintable() or c == "\n" for c in html)
    assert not re.search(r"<img (?!src=\"data:image/svg\+xml;base64,)", html)
