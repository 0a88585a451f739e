"""Saved output against recorded runs of DTrace 2.0.7, and the values that were traced."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.backends.dtrace.printed import read
from tests.corpus.dtrace import Case, cases
from tests.reference import lhist as lquantize
from tests.reference import llquantize, llquantize_bounds, quantize

from tracekit.backends.dtrace.saved import parse_saved
from tracekit.backends.saved import Saved
from tracekit.core.buckets import Linear, Log2, LogLinear, Scheme
from tracekit.core.result import LossKind
from tracekit.errors import EngineError, TracekitError

OF_THE_SCRIPT = {
    # printf() and formats of printa() make text of any form, and the target wrote to the same stream.
    "c-path-search", "c-quoting", "drops-aggsize", "drops-printf", "end-printa", "end-printa-trunc",
    "loglin-k0", "loglin-k3", "loglin-k5", "printa-empty", "printa-multi", "printa-noargs", "printa-scalar-fmt",
    "printa-str", "printa-str-S", "printf-lines-q", "rand512-loglin-k3", "script-exit", "snap-clear",
    "snap-printa", "snap-trunc", "target-talk", "target-talk-o", "target-talk-o-append", "ustack3-q",
}  # fmt: skip

WITHOUT_MAPS = {
    # Nothing was counted, or dtrace was killed.
    "quantize-empty", "sig-sighup-dtrace", "sig-sigkill-dtrace", "sig-sigquit-dtrace", "str-unfaulted-page",
    # Counts below 0 are left out.
    "quantize-negcount",
    # There are lines of events alone.
    "printa-noq", "printf-lines", "snap-noq",
}  # fmt: skip


def outcome(case: Case) -> Saved:
    return parse_saved(case.output, errors=case.errors)


@pytest.mark.parametrize("name", sorted(cases()))
def test_recorded_runs_are_read_or_refused_for_a_reason(name: str) -> None:
    """Each run gives maps, dtrace's own error, or the line that is no aggregation's."""
    case = cases()[name]
    if name in OF_THE_SCRIPT:
        with pytest.raises(EngineError, match="line 1 isn't output of an aggregation"):
            outcome(case)
        kept = parse_saved(case.output, errors=case.errors, printed=True)
        assert any("lines that are no aggregation's are left out" in note for note in kept.notes)
        first = next(line for line in case.output.decode("latin-1").splitlines() if line.strip())
        assert kept.other and kept.other[0].encode("utf-8", "surrogateescape").decode("latin-1") == first
    elif not case.output and b"dtrace: " in case.errors:
        with pytest.raises(EngineError, match="dtrace gave no result: ") as caught:
            outcome(case)
        said = case.errors.decode().split("\n")[0].removeprefix("dtrace: ")
        assert caught.value.message.endswith(said)
    else:
        assert bool(outcome(case).maps) == (name not in WITHOUT_MAPS)


def interval(value: int, scheme: Scheme) -> tuple[int | None, int | None]:
    """Where dtrace counts a value, by an independent model."""
    match scheme:
        case Log2():
            return quantize(value)
        case Linear(lo, hi, step):
            return lquantize(value, lo, hi, step)
        case LogLinear(factor, low, high, steps):
            return llquantize(value, llquantize_bounds(factor, low, high, steps))


def test_distributions_are_those_of_the_traced_values() -> None:
    """Wherever it is known which values were traced, the buckets are those of an independent model."""
    checked = 0
    for case in cases().values():
        if case.values is None or case.name in OF_THE_SCRIPT:
            continue
        try:
            maps = [m for m in outcome(case).maps if m.function in ("hist", "lhist", "llquantize")]
        except EngineError:
            continue
        for found, scheme in zip(maps, case.schemes.values(), strict=True):
            (histogram,) = found.entries.values()
            expected = Counter(interval(value, scheme) for value in case.values)
            assert histogram.count == len(case.values)
            undivided = expected.pop((-(1 << 63), 1 - (1 << 62)), 0) if scheme == Log2() else 0
            assert {(b.lo, b.hi): b.count for b in histogram.buckets} == expected, case.name
            assert sum(expected.values()) + undivided == histogram.count
            checked += 1
    assert checked == 58


def test_the_programs_scheme_gives_the_same() -> None:
    """With the scheme known, rows are its buckets too, and the scheme is the program's."""
    checked = 0
    for case in cases().values():
        if case.name in OF_THE_SCRIPT:
            continue
        try:
            (inferred,) = outcome(case).maps
            schemes = case.schemes
        except (TracekitError, ValueError):
            continue
        if len(schemes) != 1 or inferred.entries.keys() != {()}:
            continue
        (scheme,) = schemes.values()
        word = {
            Log2: "hist(arg0)",
            Linear: "lhist(arg0, {}, {}, {})",
            LogLinear: "llquantize(arg0, {}, {}, {}, {})",
        }[type(scheme)]
        numbers = [getattr(scheme, field) for field in type(scheme).__match_args__]
        (known,) = read(case.output, "@b = " + word.format(*numbers)).maps
        assert (known.name, known.entries[()].scheme) == ("b", scheme)
        assert known.entries[()].buckets == inferred.entries[()].buckets
        checked += 1
    assert checked == 50


KEYS = {
    "keyed-int": [{(2,), (-1,), (1,)}] * 5,
    "keyed-two": [{(1, 2), (1, 3), (2, 0), (-1, 7)}] * 2 + [{("vals", 2, 1), ("vals", 1, 1), ("vals", -1, 1)}],
    "fork-c-progeny": [{(1,), (2,)}] * 2,
    "pid-filter": [{(1,)}],
}


@pytest.mark.parametrize("name", sorted(KEYS))
def test_keys_are_those_of_the_columns(name: str) -> None:
    """Numbers of all sizes, strings and stacks as keys, of several aggregations one after the other."""
    assert [set(m.entries) for m in outcome(cases()[name]).maps] == KEYS[name]


def test_stacks_are_keys_with_a_frame_a_line() -> None:
    """A stack's frames are one key, in their order and without the blanks before them."""
    (found,) = outcome(cases()["ustack"]).maps
    stacks = [stack.split("\n") for (stack,) in map(tuple, found.entries)]
    assert [len(stack) for stack in stacks] == [5, 8, 5, 5]
    assert stacks[0][:2] == ["0x55e089f883c5", "0x55e089f88917"]
    assert {h.sum for h in found.entries.values()} == {1}


STRINGS = [
    "plain", "with space", "a,b", "a, b", 'quote"d', "back\\slash", "new\nline", "tab\tx", "\x01\x1f", "\x7f",
    "café", "bad\udcff\udcfe", "", "(paren)", "[br]ack]: 5", "@x[1]: 9", "%d%s", "0123456789" * 10,
]  # fmt: skip


def test_strings_of_all_characters_are_read() -> None:
    """Strings with newlines, blanks, bytes that aren't UTF-8 and more than 50 bytes come back as they were."""
    (numbers,) = outcome(cases()["keyed-strings"]).maps
    assert {text: h.sum for (text,), h in numbers.entries.items()} == {
        text: n for n, text in enumerate(STRINGS, start=1)
    }
    (histograms,) = outcome(cases()["keyed-str-quantize"]).maps
    assert {text for (text,) in histograms.entries} == set(STRINGS)
    (both,) = outcome(cases()["keyed-str-int"]).maps
    assert set(both.entries) == {(text, n) for n, text in enumerate(STRINGS, start=1)}


def test_drops_and_faults_are_losses() -> None:
    """Aggregation drops, and clauses that an invalid address ended, are on the result with their number."""
    (drops,) = outcome(cases()["drops-aggsize-noq"]).losses
    assert (drops.kind, drops.count) == (LossKind.KEYS, 2899)
    assert "aggsize" in drops.hint
    (fault,) = outcome(cases()["badaddr"]).losses
    assert (fault.kind, fault.count) == (LossKind.ENGINE, 1)
    assert "invalid address (0x8)" in fault.message


def test_entries_out_of_order_may_be_of_several_aggregations() -> None:
    """Aggregations that nothing tells apart are one, with a loss that says so; so is one sorted by its keys."""
    for name in ("usym-key", "aggsortkey"):
        losses = [loss for loss in outcome(cases()[name]).losses if loss.kind is LossKind.APPROXIMATE]
        assert [("may be of several" in loss.message) for loss in losses] == [True]
