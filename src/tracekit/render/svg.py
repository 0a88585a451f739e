"""A histogram as a picture: an SVG document of its own, or the part of one that a page has."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from functools import cache
from html import escape
from importlib.resources import files
from typing import Final

from tracekit.core.histogram import Bucket, Histogram
from tracekit.errors import UsageError
from tracekit.render.bars import label
from tracekit.render.facts import Caption
from tracekit.render.shape import Shape, shape
from tracekit.render.text import INCOMPLETE, figures, quantiles, unbucketed

WIDTH: Final = 760
_PLOT: Final = 240
_MARGIN: Final = 24
_LINE: Final = 18
_SOFT: Final = "tk-text tk-soft"


@cache
def style() -> str:
    """The rules for colours and letters, also in a page."""
    return files("tracekit.render").joinpath("page/picture.css").read_text("utf-8")


def render_svg(histogram: Histogram, caption: Caption) -> str:
    """A histogram with its figures and what is missing from it, as an SVG document without a script.

    It is as readable on a dark screen, has a title and a description for those who don't see it, and says
    of each bar what it stands for.

    Raises:
        UsageError: if there are no buckets.
    """
    if not histogram.buckets:
        raise UsageError(f"{caption.name} has no buckets to draw")
    above, top = _above(caption)
    below, bottom = _below(histogram, caption, top + _PLOT + 38)
    height = bottom + _MARGIN - 8
    title, description = escape(caption.name), escape(description_of(histogram, caption))
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="tk-title tk-desc">',
        f'<title id="tk-title">{title}</title>',
        f'<desc id="tk-desc">{description}</desc>',
        f"<style>{style()}</style>",
        f'<rect class="tk-ground" fill="#fff" width="{WIDTH}" height="{height}" rx="8"/>',
        *above,
        *plot(histogram, top),
        *below,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def description_of(histogram: Histogram, caption: Caption) -> str:
    """The picture in words."""
    parts = (
        *(() if caption.complete else (INCOMPLETE,)),
        *filter(None, (caption.what,)),
        ", ".join(f"{word} {value}" for word, value in (*figures(histogram), *quantiles(histogram))),
        *_remarks(histogram, caption),
        f"{len(histogram.buckets)} buckets with values",
    )
    return ". ".join(part.rstrip(".") for part in parts) + "."


def _remarks(histogram: Histogram, caption: Caption) -> Iterator[str]:
    yield from caption.remarks
    if missing := unbucketed(histogram):
        yield missing


def _above(caption: Caption) -> tuple[list[str], int]:
    """The lines over the plot, and where it begins."""
    at, lines = _MARGIN + 14, []
    if not caption.complete:
        lines.append(_text("tk-text tk-loss", at, INCOMPLETE))
        at += _LINE + 8
    lines.append(_text("tk-text tk-name", at, textwrap.shorten(caption.name, 70, placeholder=" …")))
    at += 4
    for line in _folded(caption.what, 100):
        at += _LINE
        lines.append(_text("tk-text tk-soft tk-code", at, line))
    return lines, at + 22


def _below(histogram: Histogram, caption: Caption, at: int) -> tuple[list[str], int]:
    """The lines under the plot, and where they end."""
    said = [
        (_SOFT, "   ".join(f"{word} {value}" for word, value in found))
        for found in (figures(histogram), quantiles(histogram))
    ]
    remarks = [line for remark in _remarks(histogram, caption) for line in _folded(remark, 84)]
    lines = []
    for class_, text in (*said, *(("tk-text tk-loss", line) for line in remarks)):
        at += _LINE
        lines.append(_text(class_, at, text))
    return lines, at


def _folded(text: str, width: int, most: int = 2) -> list[str]:
    return textwrap.wrap(text, width, max_lines=most, placeholder=" …")


def _text(class_: str, y: int, text: str) -> str:
    return f'<text class="{class_}" x="{_MARGIN}" y="{y}" xml:space="preserve">{escape(text)}</text>'


def plot(histogram: Histogram, top: int = 12) -> Iterator[str]:
    """The bars and axes, as elements of a picture that is ``WIDTH`` wide."""
    found = shape(histogram)
    left = _MARGIN + 10 + max(7 * max((len(tick.text) for tick in found.up), default=1), 14)
    yield f'<g transform="translate({left} {top})">'
    yield from _axes(found, WIDTH - left - _MARGIN)
    total = sum(bucket.count for bucket in histogram.buckets)
    below = 0
    for bar in found.bars:
        x, right = (round(edge * (WIDTH - left - _MARGIN), 2) for edge in (bar.left, bar.right))
        width = round(max(right - x - (1 if right - x > 3 else 0), 1), 2)
        high = round(max(bar.height * _PLOT, 1), 2)
        is_open = bar.bucket.lo is None or bar.bucket.hi is None
        below += bar.bucket.count
        yield (
            f'<rect class="{"tk-open" if is_open else "tk-bar"}" fill="#2f62c9" x="{x:g}" '
            f'y="{round(_PLOT - high, 2):g}" width="{width:g}" height="{high:g}">'
            f"<title>{escape(told(bar.bucket, histogram, below, total))}</title></rect>"
        )
    yield f'<path class="tk-axis" stroke="#8a929d" d="M0 {_PLOT}.5H{WIDTH - left - _MARGIN}"/>'
    yield "</g>"


def _axes(found: Shape, width: int) -> Iterator[str]:
    for tick in found.up:
        y = round(_PLOT - tick.at * _PLOT) + 0.5
        yield f'<path class="tk-line" stroke="#e2e5ea" d="M0 {y}H{width}"/>'
        yield f'<text class="{_SOFT}" text-anchor="end" x="-8" y="{y + 4}">{tick.text}</text>'
    for tick in found.across:
        x = round(tick.at * width, 1)
        yield f'<path class="tk-axis" stroke="#8a929d" d="M{x:g} {_PLOT}v5"/>'
        yield f'<text class="{_SOFT}" text-anchor="middle" x="{x:g}" y="{_PLOT + 20}">{tick.text}</text>'


def told(bucket: Bucket, histogram: Histogram, below: int, total: int) -> str:
    """What is said of a bucket: how many, their share, and that of all up to it."""
    name = label(bucket.range, histogram.scheme)
    return f"{name}: {bucket.count}, {share(bucket.count, total)}; cumulative {share(below, total)}"


def share(count: int, total: int) -> str:
    """A share in percent; what isn't all is never 100.00%, and what is something never 0.00%."""
    hundredths = (20_000 * count + total) // (2 * total)
    if 0 < count < total:
        hundredths = min(max(hundredths, 1), 9_999)
    return f"{hundredths // 100}.{hundredths % 100:02}%"
