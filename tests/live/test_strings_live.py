"""Strings of the target as keys and in filters: byte for byte what the target had."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.live.harness import trace
from tools.engines import Engine

from tracekit.backends.base import Options
from tracekit.core.aggregation import Count
from tracekit.core.expr import Arg, Binary, Builtin, BuiltinName, Expr, Str, String
from tracekit.core.probe import FunctionName, Uprobe
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.core.result import LossKind

pytestmark = pytest.mark.live

LONG = "0123456789" * 7
TEXTS = [
    "plain", "with space", "a,b", "a, b", 'quote"d', "back\\slash", "new\nline", "tab\tx", "\x01\x1f\x7f",
    "café", "bad\udcff\udcfe", "", "(paren)", "[br]ack]: 5", "@b0[1]: 9", "\n@t0: 7\n", "%d%s", '{"json": 1}',
    "WARNING: nothing", "Lost 3 events", "//", "/*", " ", ", ", LONG,
]  # fmt: skip
"""The table in ``programs/calls.c``."""

LITERALS = [
    "plain", "plai", "plainx", "a,b", "a, ", "", "a", 'quote"d', "back\\slash", "new\nline", "café",
    "bad\udcff\udcfe", "\n@t0: 7\n", LONG[:40], LONG[:39], "x/ { exit(); }", '"', "*/", "%d%s",
]  # fmt: skip
"""What the texts are compared with: some of them, parts of them, and code; 0.17 has no stack for longer."""


def cut(text: str, length: int) -> bytes:
    """What is kept of a text in so many bytes, the NUL included."""
    return text.encode("utf-8", "surrogateescape")[: length - 1]


def decoded(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


@pytest.mark.parametrize("length", [64, 16, 5, 100])
def test_strings_are_keys_byte_for_byte(
    any_engine: Engine, binaries: Callable[[str], Path], length: int
) -> None:
    """Whatever is in a string, it comes back as it was, cut at the same byte by every version."""
    program = f"uprobe:calls:text {{ @a[str(arg0, {length})] = count(); @b[arg1, str(arg0)] = hist(arg1) }}"
    options = Options(max_string=max(64, length), max_keys=64)
    run = trace(any_engine, program, binaries("calls"), ["texts"], options)
    expected: dict[tuple[str], int] = {}
    for text in TEXTS:
        key = (decoded(cut(text, length)),)
        expected[key] = expected.get(key, 0) + 1
    assert {keys: h.count for keys, h in run["a"].entries.items()} == expected
    most = options.max_string
    assert {keys: h.sum for keys, h in run["b"].entries.items()} == {
        (n, decoded(cut(text, most))): n for n, text in enumerate(TEXTS)
    }
    told = [loss.map for loss in run.reading.losses if loss.kind is LossKind.TRUNCATED]
    assert told == [name for name, room in (("a", length), ("b", most)) if len(LONG) >= room - 1]


def test_two_strings_and_comm(any_engine: Engine, binaries: Callable[[str], Path]) -> None:
    """Several strings in one key stay apart, even with separators and other rows inside them."""
    program = 'uprobe:calls:label { @[str(arg0), comm, str(arg1), 7, "x, y"] = count() }'
    run = trace(any_engine, program, binaries("calls"), ["texts"], Options(max_keys=1024))
    short = [decoded(cut(text, 64)) for text in TEXTS]
    assert set(run[""].entries) == {(s, "calls", t, 7, "x, y") for s in short for t in short}
    assert run[""].total == len(TEXTS) ** 2


def test_many_strings_in_one_clause(any_engine: Engine, binaries: Callable[[str], Path]) -> None:
    """Three strings in a key, and several histograms by strings, have room on the kernel's stack."""
    program = (
        "uprobe:calls:label { @a[str(arg0), str(arg1), str(arg0, 63)] = count(); "
        "@b[str(arg0)] = hist(arg0 & 7); @c[str(arg1), comm] = lhist(arg1 & 15, 0, 16, 1) }"
    )
    run = trace(any_engine, program, binaries("calls"), ["texts"], Options(max_keys=1024))
    assert [run[name].total for name in "abc"] == [len(TEXTS) ** 2] * 3
    assert {key for key, _ in run["c"].entries} == {decoded(cut(text, 64)) for text in TEXTS}


def test_comparisons(any_engine: Engine, binaries: Callable[[str], Path]) -> None:
    """A filter compares whole strings, or what is kept of them, and takes no literal for code."""
    cases: list[tuple[Expr, Expr, Callable[[str], bool]]] = []
    for literal in LITERALS:
        wanted = literal.encode("utf-8", "surrogateescape")
        cases.append((Str(Arg(0)), String(literal), lambda text, w=wanted: cut(text, 64) == w))
        cases.append((Str(Arg(0), 5), String(literal), lambda text, w=wanted: cut(text, 5) == w))
    cases.append((Str(Arg(0), 5), Str(Arg(0), 5), lambda _: True))
    cases.append((Str(Arg(0)), Str(Arg(0), 64), lambda _: True))
    cases.append((Builtin(BuiltinName.COMM), String("calls"), lambda _: True))
    cases.append((Builtin(BuiltinName.COMM), String("call"), lambda _: False))
    cases.append((Builtin(BuiltinName.COMM), String("calls of a program with a long name"), lambda _: False))
    cases.append((Builtin(BuiltinName.COMM), Str(Arg(0), 40), lambda text: text == "calls"))
    probe = Uprobe("calls", FunctionName("text"))
    maps = [
        Aggregate(f"{word}{n}", Count(), (Arg(1), Binary(op, left, right)))
        for n, (left, right, _) in enumerate(cases)
        for word, op in (("same", "=="), ("other", "!="))
    ]
    # One a clause: 0.17 has room for few strings on its stack of 512 bytes.
    clauses = [Clause(probe, aggregates=one) for one in maps]
    clauses += [
        Clause(probe, where=Binary("==", *case[:2]), aggregates=Aggregate("f", Count())) for case in cases[:2]
    ]
    run = trace(any_engine, Program(clauses), binaries("calls"), ["texts"], Options(max_keys=64))
    for n, (left, right, is_same) in enumerate(cases):
        expected = {(index, int(is_same(text))) for index, text in enumerate(TEXTS)}
        assert set(run[f"same{n}"].entries) == expected, (left, right)
        assert set(run[f"other{n}"].entries) == {(i, 1 - same) for i, same in expected}, (left, right)
    assert run["f"].entries[()].count == 1
