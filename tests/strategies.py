"""Hypothesis strategies for the whole model: programs that ``core.program.check`` accepts.

Texts are hostile: quotes, backslashes, every separator of the language, wildcards, brackets, control and
invisible characters where the model allows them, and bytes that aren't UTF-8.
"""

from __future__ import annotations

import functools

from hypothesis import strategies as st

from tracekit.core.aggregation import Aggregation, Count, Distribution, Moment, Scalar
from tracekit.core.buckets import Linear, Log2, LogLinear, Scheme
from tracekit.core.expr import (
    COMPARE_OPS,
    LOGIC_OPS,
    Arg,
    Binary,
    Builtin,
    BuiltinName,
    Cap,
    Cast,
    Conditional,
    Deref,
    Expr,
    Float,
    Index,
    Int,
    Len,
    Load,
    Member,
    Name,
    Reg,
    Str,
    String,
    Unary,
)
from tracekit.core.probe import (
    INTERVAL_UNITS,
    PROFILE_UNITS,
    FunctionName,
    Interval,
    Probe,
    Profile,
    Side,
    Syscall,
    Uprobe,
    Uretprobe,
    Usdt,
)
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.core.types import INT64, INT_TYPES, UINT64

_SIGNS = st.sampled_from("\"\\':;,./*+-~!?=&|<>()[]{}@#$% \u00a0\u202e\u00e9\u4e2d\U0001f40d" + "ab0x_")
_RAW_BYTES = st.sampled_from("\udc80\udcc3\udca9\udcff")
_VISIBLE = st.one_of(_SIGNS, st.characters(min_codepoint=0x20, exclude_categories=("Cs",)), _RAW_BYTES)
_ANYTHING = st.one_of(_VISIBLE, st.characters(min_codepoint=1, max_codepoint=0x9F))


def _as_decoded(text: str) -> str:
    """The text as it comes from its bytes: ``surrogateescape`` never leaves UTF-8 apart."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


_FRAGMENTS = st.sampled_from(
    (
        "main.(*T).M", "(*T).", "::", "::{closure#0}", "operator<<", "operator*", "<A as B>", "(char*)", "cpp:",
        "+5", "+0x10", "0x1139", "*/", "/*", "//", "\\x41", "/ {", '"', "args", "libc.so.6", "/tmp/a b",
    )
)  # fmt: skip

names = (
    st.lists(st.one_of(st.text(_VISIBLE, max_size=4), _FRAGMENTS), min_size=1, max_size=4)
    .map("".join)
    .filter(lambda t: t and "\x7f" not in t)
    .map(_as_decoded)
)
"""Names and paths of probes: any text without control characters."""

identifiers = st.one_of(
    st.sampled_from(
        (
            "value",
            "len",
            "req",
            "pid",
            "arg0",
            "arg01",
            "args",
            "str",
            "reg",
            "int",
            "hist",
            "this",
            "größe",
            "_1",
        )
    ),
    names,
)
"""Names of arguments and fields, reserved and impossible ones among them."""

strings = st.text(_ANYTHING, max_size=12).map(_as_decoded)

_MAP_NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}|", fullmatch=True)

_EVERYWHERE = (BuiltinName.PID, BuiltinName.TID, BuiltinName.CPU)
_AT_ENTRY = (*_EVERYWHERE, Arg, Reg)

Word = BuiltinName | type[Arg] | type[Reg]
"""What some probes have and others don't."""

_numbers = st.one_of(
    st.integers(-2, 20),
    st.sampled_from((INT64.minimum, INT64.maximum, INT64.maximum + 1, UINT64.maximum)),
    st.integers(INT64.minimum, UINT64.maximum),
)
_types = st.sampled_from(tuple(INT_TYPES.values()))
_arithmetic = ("*", "/", "%", "+", "-", "<<", ">>", "&", "^", "|")


def _leaves(words: tuple[Word, ...]) -> st.SearchStrategy[Expr]:
    registers = {Arg: st.builds(Arg, st.integers(0, 12))}
    registers[Reg] = st.builds(Reg, st.sampled_from(("rdx", "sp", "x0", "r12")))
    return st.one_of(
        st.builds(Int, _numbers),
        *(strategy for kind, strategy in registers.items() if kind in words),
        st.builds(Builtin, st.sampled_from([w for w in words if isinstance(w, BuiltinName)])),
        st.builds(Name, identifiers),
    )


def _with_bounds(value: Expr, scheme: Scheme) -> Distribution:
    """A linear scheme's bounds must be values of the type: the ones made here are of int64."""
    return Distribution(Cast(INT64, value) if isinstance(scheme, Linear) else value, scheme)


def _larger(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    text = st.one_of(
        st.builds(String, strings),
        st.builds(Str, inner, st.none() | st.integers(1, 1 << 40)),
        st.builds(Str, inner, st.none(), st.builds(Name, identifiers)),
        st.just(Builtin(BuiltinName.COMM)),
    )
    return st.one_of(
        st.builds(
            Binary, st.sampled_from((*_arithmetic, *sorted(COMPARE_OPS), *sorted(LOGIC_OPS))), inner, inner
        ),
        st.builds(Binary, st.sampled_from(("==", "!=")), text, text),
        st.builds(Unary, st.sampled_from(("-", "!", "~")), inner),
        st.builds(Conditional, inner, inner, inner),
        st.builds(Cast, _types, inner),
        st.builds(Load, _types, inner),
        st.builds(Deref, inner),
        st.builds(Index, inner, inner),
        st.builds(Member, inner, identifiers, st.booleans()),
        st.builds(Len, inner),
        st.builds(Cap, inner),
        st.builds(Cast, _types, st.builds(Float, st.sampled_from((32, 64)), inner)),
    )


@functools.cache
def expressions(builtins: tuple[Word, ...] = _AT_ENTRY, max_leaves: int = 12) -> st.SearchStrategy[Expr]:
    """Expressions whose value is an integer, with named arguments among them.

    Args:
        builtins: the integer builtins that may occur.
        max_leaves: about how many operands there are at most.
    """
    return st.recursive(_leaves(builtins), _larger, max_leaves=max_leaves)


@functools.cache
def keys(builtins: tuple[Word, ...] = _AT_ENTRY) -> st.SearchStrategy[Expr]:
    """Expressions of every type, as maps' keys have them."""
    number = expressions(builtins, max_leaves=4)
    return st.one_of(
        number,
        st.builds(Builtin, st.sampled_from((BuiltinName.COMM, BuiltinName.USTACK))),
        st.builds(String, strings),
        st.builds(Str, number, st.none() | st.integers(1, 4096)),
    )


@st.composite
def _linear(draw: st.DrawFn) -> Linear:
    step = draw(st.integers(1, 1 << 40))
    size = draw(st.integers(1, 1000))
    lo = draw(st.integers(-(1 << 50), 1 << 50))
    return Linear(lo, lo + size * step + draw(st.integers(0, step - 1)), step)


schemes = st.one_of(
    st.builds(Log2, st.integers(0, 5)),
    _linear(),
    st.sampled_from((LogLinear(10, 0, 6, 20), LogLinear(2, 3, 60, 2), LogLinear(8, 0, 3, 4))),
)


@functools.cache
def aggregations(builtins: tuple[Word, ...] = _AT_ENTRY) -> st.SearchStrategy[Aggregation]:
    """Aggregations of every kind."""
    return st.one_of(
        st.just(Count()),
        st.builds(Scalar, st.sampled_from(Moment), expressions(builtins)),
        st.builds(_with_bounds, expressions(builtins), schemes),
    )


function_names = st.builds(FunctionName, names, st.booleans())

uretprobes = st.builds(Uretprobe, names, function_names)

uprobes = st.builds(Uprobe, names, function_names, st.just(0) | st.integers(0, 1 << 40))

function_probes = st.one_of(uprobes, uretprobes)

entries = st.one_of(
    uprobes, st.builds(Usdt, names, names, names), st.builds(Syscall, names, st.just(Side.ENTRY))
)

returns = st.one_of(uretprobes, st.builds(Syscall, names, st.just(Side.RETURN)))

probes: st.SearchStrategy[Probe] = st.one_of(
    function_probes,
    st.builds(Usdt, names, names, names),
    st.builds(Syscall, names, st.sampled_from(Side)),
    st.builds(Interval, st.sampled_from(tuple(INTERVAL_UNITS)), st.integers(1, 1 << 50)),
    st.builds(Profile, st.sampled_from(PROFILE_UNITS), st.integers(1, 1 << 50)),
)
"""Probes of every kind."""

_PLACES = (
    (probes, _EVERYWHERE),
    (uprobes, _AT_ENTRY),
    (entries, (*_EVERYWHERE, Arg)),
    (returns, (*_EVERYWHERE, BuiltinName.RETVAL)),
    (uretprobes, (*_EVERYWHERE, BuiltinName.RETVAL, BuiltinName.ELAPSED, Reg)),
)


@st.composite
def clauses(draw: st.DrawFn, map_names: st.SearchStrategy[str] = _MAP_NAMES) -> Clause:
    """Clauses whose builtins exist at their probes.

    Args:
        draw: given by hypothesis.
        map_names: the names of maps; each is used once in a clause.
    """
    where, builtins = draw(st.sampled_from(_PLACES))
    found = draw(st.lists(map_names, min_size=1, max_size=3, unique=True))
    return Clause(
        draw(st.lists(where, min_size=1, max_size=3)),
        draw(st.none() | expressions(builtins)),
        [
            Aggregate(name, draw(aggregations(builtins)), draw(st.lists(keys(builtins), max_size=2)))
            for name in found
        ],
    )


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Programs that ``check`` accepts; a map is now and then shared by two clauses."""
    count = draw(st.integers(1, 3))
    found = [draw(clauses(st.just(f"m{n}") | st.just(f"n{n}"))) for n in range(count)]
    if draw(st.booleans()):
        shared = Aggregate("", Count())
        found = [Clause(c.probes, c.where, (shared, *c.aggregates)) for c in found]
    return Program(found)
