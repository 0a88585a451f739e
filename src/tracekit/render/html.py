"""A result as one page: everything in it, nothing fetched, and readable without its script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from tracekit.core.escape import printable
from tracekit.core.result import Loss, Result
from tracekit.render.facts import origin
from tracekit.render.pagedata import FIGURES, QUANTILES, Drawn, PageMap, page_maps, to_json
from tracekit.render.svg import WIDTH, plot, share, style
from tracekit.render.text import INCOMPLETE

_ROWS = 1000
"""The most rows of a table of keys; the script finds the others."""


_RESOLVED = ("name", "function", "type", "place", "certainty", "by")


def render_html(result: Result) -> str:
    """A result as a page that works offline, and shows the first histogram also without a script.

    Its content security policy lets it fetch nothing and run nothing but its own script. Whatever comes from
    a traced program is text in it.
    """
    maps = page_maps(result)
    first = next((map_ for map_ in maps if map_.drawn), maps[0] if maps else None)
    css, script = style() + _file("page.css"), _file("page.js")
    return Template(_file("page.html")).substitute(
        title=escape(f"{first.heading if first else 'no map'}: tracekit"),
        style=css,
        style_hash=_hash(css),
        script=script,
        script_hash=_hash(script),
        losses="\n".join(_losses(result)),
        about="\n".join(_about(result)),
        data=to_json(maps),
        **_first(first, sum(len(map_.drawn) or 1 for map_ in maps)),
    )


@cache
def _file(name: str) -> str:
    return files("tracekit.render").joinpath(f"page/{name}").read_text("utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _first(map_: PageMap | None, choices: int) -> dict[str, str]:
    """What is there without the script: the first histogram, or the entries of the first map."""
    drawn = map_.drawn[0] if map_ is not None and map_.drawn else None
    rows = [] if drawn is None else _buckets(drawn)
    caption = f"{len(rows)} buckets with values; those without are left out"
    head: tuple[str, ...] = ("bucket", "count", "share", "cumulative")
    if map_ is not None and drawn is None:
        rows = map_.figures[:_ROWS]
        caption, head = f"{len(map_.figures)} keys", ("key", map_.function)
    known = [] if drawn is None else zip(FIGURES + QUANTILES, drawn.exact + drawn.quantiles, strict=False)
    return {
        "name": escape("no map" if map_ is None else map_.name_of(drawn)),
        "what": escape("" if map_ is None else map_.what),
        "figures": "".join(f"<div><dt>{w}</dt> <dd>{escape(v)}</dd></div>" for w, v in known if v),
        "extra": escape(drawn.extra if drawn else ""),
        "no_extra": "" if drawn and drawn.extra else " hidden",
        "chart": "" if drawn is None or map_ is None else _chart(map_, drawn),
        "no_chart": "" if drawn else " hidden",
        "kind": "buckets" if drawn else "keys",
        "caption": escape(caption),
        "head": "".join(f'<th scope="col">{escape(word)}</th>' for word in head),
        "rows": "\n".join(_row(row) for row in rows),
        "without_script": f"This is the first of {choices}; the others need JavaScript." if choices > 1 else "",
    }


def _chart(map_: PageMap, drawn: Drawn) -> str:
    known = zip(FIGURES + QUANTILES, drawn.exact + drawn.quantiles, strict=False)
    told = ", ".join(f"{word} {value}" for word, value in known if value)
    return "\n".join(
        (
            f'<svg viewBox="0 0 {WIDTH} 284" role="img" aria-labelledby="pt pd">',
            f'<title id="pt">{escape(map_.name_of(drawn))}</title><desc id="pd">{escape(told)}</desc>',
            *plot(drawn.histogram),
            "</svg>",
        )
    )


def _buckets(drawn: Drawn) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    below = 0
    total = sum(bucket.count for bucket in drawn.histogram.buckets)
    for label, bucket in zip(drawn.labels, drawn.histogram.buckets, strict=True):
        below += bucket.count
        rows.append((label, str(bucket.count), share(bucket.count, total), share(below, total)))
    return rows


def _row(cells: Iterable[str]) -> str:
    first, *rest = map(escape, cells)
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'


def _losses(result: Result) -> Iterator[str]:
    """What keeps the result from being the whole truth, before anything else."""
    if not result.whole:
        yield '<section class="losses" aria-label="What is missing">'
        yield f"<strong>{INCOMPLETE if not result.complete else 'Something is missing:'}</strong>"
        if result.losses:
            yield f"<ul>{''.join(map(_loss, result.losses))}</ul>"
        yield "</section>"
    if result.notes:
        yield f'<ul class="notes">{"".join(f"<li>{_text(note)}</li>" for note in result.notes)}</ul>'


def _loss(loss: Loss) -> str:
    hint = f"<small>{_text(loss.hint)}</small>" if loss.hint else ""
    return f"<li>{_text(loss.message)}{hint}</li>"


def _text(text: str) -> str:
    return escape(printable(text))


def _about(result: Result) -> Iterator[str]:
    """The program, what its names were taken for, and where the result comes from."""
    provenance = result.provenance
    if provenance.text:
        lines = "\n".join(map(_text, provenance.text.split("\n")))
        yield f"<h2>Program</h2>\n<pre>{lines}</pre>"
    if provenance.resolutions:
        yield '<h2>Where its names were read</h2>\n<div class="wide"><table><thead><tr>'
        yield "".join(
            f'<th scope="col">{w}</th>' for w in ("name", "function", "type", "place", "certainty", "by")
        )
        yield "</tr></thead><tbody>"
        for r in provenance.resolutions:
            cells = (r.name, r.function, r.type, r.location, r.verdict.value, "; ".join(r.evidence))
            yield _row(map(printable, cells))
        yield "</tbody></table></div>"
    several = len(result.merged)
    for n, source in enumerate(result.merged or (provenance,), 1):
        yield f"<h2>Run {n} of {several}</h2>" if several > 1 else "<h2>Where it comes from</h2>"
        yield '<dl class="origin">'
        yield from (f"<dt>{escape(word)}</dt><dd>{escape(text)}</dd>" for word, text in origin(source))
        yield "</dl>"
