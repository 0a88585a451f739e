"""Results in a notebook: pictures that need no script, and text where there are no pictures."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape
from typing import Any, Final

from tracekit.core.escape import printable
from tracekit.core.histogram import Histogram
from tracekit.core.result import Key, MapResult, Result
from tracekit.render.facts import Caption, caption
from tracekit.render.svg import description_of, render_svg
from tracekit.render.text import INCOMPLETE, heading, ordered, render_result, render_text, scalar

_MOST: Final = 10
"""How many entries of a map are shown: those with the most."""


def bundle(shown: object) -> dict[str, Any]:
    """What a notebook shows of a histogram, a map or a result, by media type."""
    if isinstance(shown, Result):
        return {"text/plain": render_result(shown), "text/html": "\n".join(_result(shown))}
    if isinstance(shown, MapResult):
        return {"text/plain": render_text([shown]), "text/html": "\n".join(_map(shown, None))}
    assert isinstance(shown, Histogram)
    alone = MapResult("", "hist" if shown.scheme is not None else "stats", entries={(): shown})
    text = render_text([alone]).removeprefix("@:").lstrip()
    if not shown.buckets:
        return {"text/plain": text, "text/html": f"<pre>{escape(text)}</pre>"}
    picture = render_svg(shown, Caption("Histogram"))
    html = _image(picture, description_of(shown, Caption("Histogram")))
    return {"text/plain": text, "text/html": html, "image/svg+xml": picture}


def _result(result: Result) -> Iterator[str]:
    if not result.complete:
        yield f"<p><strong>{INCOMPLETE}</strong></p>"
    said = [f"warning: {loss.message} {loss.hint}" for loss in result.losses]
    said += [f"note: {note}" for note in result.notes]
    if said:
        yield f"<ul>{''.join(f'<li>{escape(printable(line))}</li>' for line in said)}</ul>"
    for map_ in result.maps:
        yield from _map(map_, result)


def _map(map_: MapResult, result: Result | None) -> Iterator[str]:
    found = ordered(map_)[::-1]
    rows = [(keys, histogram) for keys, histogram in found[:_MOST] if not histogram.buckets]
    if rows or not found:
        yield _table(map_, rows)
    for keys, histogram in found[:_MOST]:
        if histogram.buckets:
            around = Caption(heading(map_, keys)) if result is None else caption(result, map_, keys)
            yield _image(render_svg(histogram, around), description_of(histogram, around))
    if len(found) > _MOST:
        yield f"<p>{len(found) - _MOST} more keys have fewer.</p>"


def _table(map_: MapResult, rows: list[tuple[tuple[Key, ...], Histogram]]) -> str:
    if not rows:
        return f"<p>{escape(heading(map_, ()))}: no events</p>"
    cells = ((heading(map_, keys), scalar(map_.function, histogram)) for keys, histogram in rows)
    lines = "".join(f"<tr><th scope='row'>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in cells)
    head = f"<tr><th scope='col'>key</th><th scope='col'>{escape(printable(map_.function))}</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{lines}</tbody></table>"


def _image(picture: str, description: str) -> str:
    """A picture as an image, so that nothing in it reaches the notebook's own page."""
    data = base64.b64encode(picture.encode()).decode()
    return f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(description)}" style="max-width:100%">'
