"""Results as text, in the form that users of bpftrace know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Final

from tracekit.core.escape import printable, quoted
from tracekit.core.histogram import Histogram
from tracekit.core.result import Key, MapResult, Result
from tracekit.render.bars import draw, interval

INCOMPLETE: Final = "INCOMPLETE: not all was counted; no number here is more than a lower bound."
"""What is said first and last of a result that isn't complete."""

_QUANTILES: Final = ((Fraction(1, 2), "p50"), (Fraction(9, 10), "p90"), (Fraction(99, 100), "p99"))
_NOTHING: Final = "no events"

_STACK: Final = "ustack"
"""The name of a key that is a stack."""


def render_text(maps: Sequence[MapResult], *, width: int = 80, colour: bool = False) -> str:
    """Maps as bpftrace prints them, with exact figures and quantiles under every histogram.

    Entries are in bpftrace's order, the greatest last. Nothing that a traced program wrote reaches the text
    unescaped, and no key is cut.

    Args:
        maps: a result's or a snapshot's.
        width: the columns of the terminal; only bars adapt to it.
        colour: whether bars are coloured, the only thing that is.

    Returns:
        Lines, each ended; the empty string for no maps.
    """
    lines: list[str] = []
    for map_ in maps:
        for keys, histogram in ordered(map_):
            lines += _entry(map_, keys, histogram, width=width, colour=colour)
        if not map_.entries:
            lines.append(f"{heading(map_, ())}: {0 if map_.function == 'count' else _NOTHING}")
    return _text(lines)


def render_result(result: Result, *, width: int = 80, colour: bool = False) -> str:
    """A whole result: its maps and what is missing from them.

    That a result is incomplete is its first and its last line.

    Args:
        result: what to show.
        width: as of ``render_text``.
        colour: as of ``render_text``.

    Returns:
        Lines, each ended.
    """
    banner = () if result.complete else (INCOMPLETE,)
    body = render_text(result.maps, width=width, colour=colour)
    return _text(banner) + body + _text(_remarks(result)) + _text(banner)


def render_losses(result: Result) -> str:
    """What keeps a result from being the whole truth, and what else a reader should know.

    Returns:
        Lines, each ended: a ``warning:`` for each loss with its hint under it, a ``note:`` for each note.
        The empty string if there is nothing to say.
    """
    banner = () if result.complete else (INCOMPLETE,)
    return _text((*banner, *_remarks(result)))


def _remarks(result: Result) -> Iterator[str]:
    for loss in result.losses:
        yield f"warning: {printable(loss.message)}"
        if loss.hint:
            yield f"         {printable(loss.hint)}"
    for note in result.notes:
        yield f"note: {printable(note)}"


def _text(lines: Sequence[str] | Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def heading(map_: MapResult, keys: tuple[Key, ...]) -> str:
    """A map's name with the values of its keys, as bpftrace shows it: ``@bytes[4711, "server"]``."""
    return f"@{printable(map_.name)}" + (f"[{', '.join(shown_keys(map_, keys))}]" if keys else "")


def _title(map_: MapResult, keys: tuple[Key, ...]) -> str:
    """The heading; where a key is a stack over several lines, one for each frame, as bpftrace has it."""
    if _STACK not in map_.key_names:
        return heading(map_, keys)
    texts = shown_keys(map_, keys)
    for place, name in enumerate(map_.key_names):
        if name == _STACK:
            frames = [frame.strip() for frame in str(keys[place]).split("\n")]
            texts[place] = "".join(f"\n    {printable(frame)}" for frame in frames if frame) + "\n"
    return f"@{printable(map_.name)}[{', '.join(texts)}]"


def shown_keys(map_: MapResult, keys: tuple[Key, ...]) -> list[str]:
    """The values of a map's keys, as its heading has them."""
    labels = map_.key_labels or ({},) * len(keys)
    return [_shown(key, names) for key, names in zip(keys, labels, strict=False)]


def _shown(key: Key, names: Mapping[int, str]) -> str:
    if not isinstance(key, int):
        return quoted(key)
    return printable(names[key]) if key in names else str(key)


def _entry(
    map_: MapResult, keys: tuple[Key, ...], histogram: Histogram, *, width: int, colour: bool
) -> Iterator[str]:
    title = _title(map_, keys)
    if histogram.scheme is None:
        yield f"{title}: {scalar(map_.function, histogram)}"
    elif not histogram.count:
        yield f"{title}: {_NOTHING}"
    else:
        yield f"{title}:"
        yield from draw(histogram, width=width, colour=colour)
        yield from _figures(histogram)
        yield ""


def figures(histogram: Histogram) -> list[tuple[str, str]]:
    """The exact figures that are known of a histogram, each with its word: ``("count", "1000")``."""
    known = (
        ("count", str(histogram.count)),
        ("sum", number(histogram.sum)),
        ("mean", number(histogram.mean)),
        ("min", number(histogram.min)),
        ("max", number(histogram.max)),
    )
    return [(word, value) for word, value in known if value]


def quantiles(histogram: Histogram) -> list[tuple[str, str]]:
    """Where its quantiles are, each with its word: ``("p50", "[1024, 2048)")``; none without buckets."""
    if not histogram.buckets:
        return []
    found = ((word, histogram.quantile(q)) for q, word in _QUANTILES)
    return [(word, interval(q.lo, q.hi)) for word, q in found]


def unbucketed(histogram: Histogram) -> str:
    """What is said of values that are in no bucket; the empty string if there are none."""
    missing = histogram.count - sum(b.count for b in histogram.buckets)
    return f"{missing} of them are in no bucket" if missing else ""


def _figures(histogram: Histogram) -> Iterator[str]:
    yield ", ".join(f"{word} {value}" for word, value in figures(histogram))
    if missing := unbucketed(histogram):
        yield missing
    if histogram.buckets:
        yield "  ".join(f"{word} {value}" for word, value in quantiles(histogram))


def scalar(function: str, histogram: Histogram) -> str:
    """The figure that an aggregation other than a distribution keeps, as bpftrace shows it."""
    if function == "count":
        return str(histogram.count)
    if function == "stats" and histogram.count:
        parts = (
            ("count", str(histogram.count)),
            ("average", number(histogram.mean)),
            ("total", number(histogram.sum)),
            ("min", number(histogram.min)),
            ("max", number(histogram.max)),
        )
        return ", ".join(f"{word} {value or 'unknown'}" for word, value in parts)
    return number(_figure(function, histogram)) or ("unknown" if histogram.count else _NOTHING)


def _figure(function: str, histogram: Histogram) -> int | Fraction | None:
    """What bpftrace orders a map's entries by."""
    match function:
        case "sum" | "value":
            return histogram.sum
        case "min":
            return histogram.min
        case "max":
            return histogram.max
        case "avg":
            return histogram.mean
        case "stats":
            return histogram.sum if histogram.count else None
        case _:
            return histogram.count


def ordered(map_: MapResult) -> list[tuple[tuple[Key, ...], Histogram]]:
    """A map's entries in bpftrace's order, the greatest last."""
    return sorted(map_.entries.items(), key=partial(_order, map_.function))


def _order(function: str, entry: tuple[tuple[Key, ...], Histogram]) -> tuple[object, ...]:
    keys, histogram = entry
    figure = _figure(function, histogram)
    by_key = tuple((isinstance(key, str), key) for key in keys)
    return (figure is not None, 0 if figure is None else figure, by_key)


def number(value: int | Fraction | None) -> str:
    """An exact integer, or a fraction rounded half to even to three decimals; nothing for None."""
    if value is None:
        return ""
    thousandths = round(value * 1000)
    whole, rest = divmod(abs(thousandths), 1000)
    sign = "-" if thousandths < 0 else ""
    return f"{sign}{whole}" + (f".{rest:03}".rstrip("0") if rest else "")
