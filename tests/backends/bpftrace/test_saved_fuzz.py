"""Saved output that is damaged, random, or printed here: never a crash, never another number in silence."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backends.bpftrace.saved_output import program
from tests.corpus.cases import cases

from tracekit.backends.bpftrace.saved import parse_saved
from tracekit.backends.saved import Saved
from tracekit.core.buckets import Linear, Log2
from tracekit.core.histogram import Histogram
from tracekit.errors import TracekitError

VERSIONS = st.sampled_from(["", "0.17.0", "0.20", "0.22.1", "0.23.2", "0.24.0", "0.27.1"])
PROGRAMS = st.sampled_from(
    [
        None,
        program("@ = hist(arg0)"),
        program("@ = lhist(arg0, 0, 100, 10); @x[arg0] = count(); @s = stats(arg0)"),
        program("@[str(arg0), arg1] = count(); @h[arg0] = hist((uint64)arg0, 2); @x = max(arg0)"),
    ]
)
RECORDED = [c.output for c in cases() if 0 < len(c.output) < 4000] + [c.errors for c in cases() if c.errors]
PIECES = st.sampled_from(
    [
        *(
            b"@",
            b"@x",
            b"[",
            b"]",
            b": ",
            b":",
            b"\n",
            b"\n\n",
            b"1",
            b"-5",
            b"K",
            b", ",
            b"...",
            b"|",
            b"@" * 52,
        ),
        *(b"(..., 0)", b"[2, 4)  1 |  |\n", b"true", b"count 1, average 1, total 1", b"@" * 52, b"{ .count = "),
        *(
            b"\\u0001",
            b'"',
            b"\\",
            b"\xff",
            b"}}\n",
            b"~~~",
            b"9" * 30,
            b"null",
            b"{",
            b"a:1:2-3: ",
            b"WARNING: ",
        ),
        *(b'{"type": "hist", "data": {"@": ', b'[{"min": 2, "max": 3, "count": 14}]', b"ERROR: ", b"WARNING: "),
        b'{"type": "map", "data": {"@x": ',
    ]
)


def read_or_refuse(output: bytes, errors: bytes = b"", version: str = "", asked: object = None) -> Saved | None:
    """What is read; None if it is refused with a reason."""
    refusal = None
    try:
        return parse_saved(output, errors=errors, version=version, program=asked)  # type: ignore[arg-type]
    except TracekitError as error:
        refusal = error
    assert refusal.message
    assert "\n" not in refusal.message
    assert refusal.hint
    return None


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Recorded output with lines, bytes and pieces removed, repeated, moved and put in."""
    output = draw(st.sampled_from(RECORDED))
    for _ in range(draw(st.integers(1, 4))):
        lines = output.split(b"\n")
        one, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        at, end = sorted(draw(st.integers(0, len(output))) for _ in range(2))
        match draw(st.integers(0, 5)):
            case 0:
                lines[one], lines[other] = lines[other], lines[one]
                output = b"\n".join(lines)
            case 1:
                output = b"\n".join(lines[:one] + lines[one:other] + lines[one:])
            case 2:
                output = output[:at] + draw(PIECES) + output[end if end - at < 20 else at :]
            case 3:
                output = output[:at] + draw(st.binary(max_size=3)) + output[at:]
            case 4:
                output = output[:at]
            case _:
                output = output[:at] + output[min(end, at + 5) :]
    return output


@settings(max_examples=600)
@given(damaged(), st.one_of(st.just(b""), damaged()), VERSIONS, PROGRAMS)
def test_damaged_output_is_read_or_refused(output: bytes, errors: bytes, version: str, asked: object) -> None:
    """Whatever happens to output on its way, it is read or refused with a sentence and a hint."""
    saved = read_or_refuse(output, errors, version, asked)
    if saved is not None:
        for found in saved.maps:
            assert all(len(keys) == len(found.key_names) for keys in found.entries)


@settings(max_examples=400)
@given(st.lists(PIECES, max_size=25).map(b"".join), VERSIONS, PROGRAMS)
def test_random_output_is_read_or_refused(output: bytes, version: str, asked: object) -> None:
    """Pieces of output in any order are read or refused with a sentence and a hint."""
    read_or_refuse(output, output, version, asked)


KEYS = st.text(st.sampled_from("ab:, ]['\"\\\n\t\x01é\udcff0("), max_size=8)
NUMBERS = st.integers(0, 2**63 - 1)
VALUES = st.lists(st.one_of(st.integers(0, 40), NUMBERS), min_size=1, max_size=8)


@given(st.dictionaries(KEYS, NUMBERS, min_size=1, max_size=5))
def test_printed_keys_come_back_or_are_refused(counts: dict[str, int]) -> None:
    """A map printed as bpftrace's text comes back as it was, whatever is in its keys, or is refused."""
    text = "".join(f"@[{key}]: {count}\n" for key, count in counts.items())
    saved = read_or_refuse(text.encode("utf-8", "surrogateescape"), asked=program("@[comm] = count()"))
    if saved is not None:
        (found,) = saved.maps
        assert {key: h.count for (key,), h in found.entries.items()} == counts
    else:
        assert any("]" in key or "\n" in key for key in counts)


@given(st.dictionaries(st.tuples(KEYS, st.integers(-5, 5)), NUMBERS, min_size=1, max_size=5))
def test_a_string_and_a_number_are_told_apart(counts: dict[tuple[str, int], int]) -> None:
    """A string key with separators in it and an integer after it come back each on its own."""
    text = "".join(f"@[{key}, {number}]: {count}\n" for (key, number), count in counts.items())
    saved = read_or_refuse(text.encode("utf-8", "surrogateescape"), asked=program("@[comm, arg0] = count()"))
    if saved is not None:
        assert {keys: h.count for keys, h in saved.maps[0].entries.items()} == counts
    else:
        assert any("]" in key or "\n" in key for key, _ in counts)


def escaped(key: str, times: int) -> str:
    """A key as ``JsonOutput::json_escape`` writes it, so many times."""
    for _ in range(times):
        found = ""
        for byte in key.encode("utf-8", "surrogateescape") if isinstance(key, str) else key:
            character = chr(byte)
            if character in '"\\':
                found += "\\" + character
            elif character in "\n\r\t":
                found += {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[character]
            elif byte >= 0x80:
                found += f"\\uffffff{byte:02x}"
            else:
                found += f"\\u{byte:04x}" if byte < 0x20 else character
        key = found
    return key


def json_rows(histogram: Histogram, *, hexadecimal: bool) -> str:
    """The rows of a histogram with only non-negative values."""
    base = "x" if hexadecimal else "d"
    return ",".join(
        f'{{"min": {b.lo}, "max": {(b.hi or 0) - 1}, "count": {b.count:{base}}}}' for b in histogram.buckets
    )


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), st.sampled_from(["0.21.3", "0.23.2", "0.24.0"]))
def test_printed_json_comes_back(values: dict[str, list[int]], version: str) -> None:
    """Histograms by key printed as each version's JSON, with its escapes and bases, come back exactly."""
    expected = {key: Histogram.of(found, Log2()) for key, found in values.items()}
    parts, escape_seen = [], False
    for key, histogram in expected.items():
        printed = escaped(key, 2 if version == "0.23.2" else 1)
        single = escaped(key, 1)
        escape_seen |= version == "0.24.0" and "\\u" in single.replace("\\\\", "")
        parts.append(f'"{printed}": [{json_rows(histogram, hexadecimal=escape_seen)}]')
    line = f'{{"type": "hist", "data": {{"@": {{{", ".join(parts)}}}}}}}\n'
    (found,) = parse_saved(line.encode(), version=version, program=program("@[comm] = hist(arg0)")).maps
    assert {key: (h.count, h.buckets) for (key,), h in found.entries.items()} == {
        key: (h.count, h.buckets) for key, h in expected.items()
    }


SUFFIXES = ("", "K", "M", "G", "T", "P", "E")


def label(bound: int) -> str:
    """A bound of a power of two as ``TextOutput::hist_index_label`` writes it."""
    power = bound.bit_length() - 1
    return f"{1 << power % 10}{SUFFIXES[power // 10]}"


def text_rows(histogram: Histogram) -> str:
    """Rows as bpftrace prints them, those without a count left out."""
    rows = ""
    for bucket in histogram.buckets:
        lo, hi = bucket.lo, bucket.hi
        if lo is None:
            head = f"(..., {hi})"
        elif hi is None:
            head = f"[{lo}, ...)"
        elif isinstance(histogram.scheme, Linear):
            head = f"[{lo}, {hi})"
        else:
            head = f"[{lo}]" if hi == lo + 1 else f"[{label(lo)}, {label(hi)})"
        rows += f"{head:<16}{bucket.count:8} |{'@' * 52}|\n"
    return rows


@given(
    st.dictionaries(st.integers(-9, 9), VALUES, min_size=1, max_size=4),
    st.sampled_from([Log2(), Linear(0, 30, 3), Linear(5, 40, 7), Linear(1, 2, 1)]),
    st.sampled_from([":", ": "]),
)
def test_printed_histograms_come_back(values: dict[int, list[int]], scheme: Log2 | Linear, colon: str) -> None:
    """Histograms by key printed as bpftrace's text come back exactly."""
    expected = {key: Histogram.of(found, scheme) for key, found in values.items()}
    text = "".join(f"@[{key}]{colon}\n{text_rows(histogram)}\n" for key, histogram in expected.items())
    asked = (
        "hist(arg0)" if isinstance(scheme, Log2) else f"lhist(arg0, {scheme.lo}, {scheme.hi}, {scheme.step})"
    )
    saved = parse_saved(text.encode(), version="0.23.2", program=program(f"@[arg1] = {asked}"))
    (found,) = saved.maps
    assert {key: (h.count, h.buckets) for (key,), h in found.entries.items()} == {
        key: (h.count, h.buckets) for key, h in expected.items()
    }
    assert saved.losses == ()
