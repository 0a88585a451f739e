"""Generated schemes, histograms, programs and results."""

from __future__ import annotations

import string
from datetime import datetime, timedelta, timezone
from typing import get_args

from hypothesis import strategies as st

from tracekit.core import expr as ex
from tracekit.core import probe as pr
from tracekit.core import result as rs
from tracekit.core.aggregation import Count, Distribution, Moment, Scalar
from tracekit.core.buckets import Linear, Log2, LogLinear, Scheme
from tracekit.core.histogram import Histogram
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.core.types import INT_TYPES, UINT64
from tracekit.core.verdict import Verdict
from tracekit.errors import UsageError

NEAR_POWERS = st.builds(
    lambda sign, power, delta: sign * ((1 << power) + delta),
    st.sampled_from([1, -1]),
    st.integers(0, 70),
    st.integers(-1, 1),
)
INTEGERS = st.one_of(st.integers(-300, 300), NEAR_POWERS, st.integers(-(1 << 66), 1 << 66))
"""Values of all magnitudes, also beyond 64 bits, those next to a power of two often."""


def linear(lo: int, size: int, step: int, rest: int) -> Linear:
    return Linear(lo, lo + size * step + rest % step, step)


def log_linear_parameters() -> list[tuple[int, int, int, int]]:
    """All parameters of a small range that ``LogLinear`` accepts."""
    found = []
    for factor in range(2, 17):
        for low, high in [(0, 0), (0, 3), (1, 1), (1, 4), (2, 3), (3, 7)]:
            for steps in range(1, factor**2 + 1):
                try:
                    LogLinear(factor, low, high, steps)
                except UsageError:
                    continue
                found.append((factor, low, high, steps))
    return found


LOG2 = st.builds(Log2, st.integers(0, 5))
LINEAR = st.builds(
    linear,
    st.integers(-(1 << 40), 1 << 40),
    st.integers(1, 200),
    st.integers(1, 5000),
    st.integers(0, 5000),
)
LOG_LINEAR = st.sampled_from(log_linear_parameters()).map(lambda p: LogLinear(*p))
SCHEMES: st.SearchStrategy[Scheme] = st.one_of(LOG2, LINEAR, LOG_LINEAR)
VALUES = st.lists(INTEGERS, max_size=30)


@st.composite
def histograms(draw: st.DrawFn, scheme: st.SearchStrategy[Scheme | None] | None = None) -> Histogram:
    """Histograms as engines give them: also without exact figures, and with values in no bucket."""
    found = Histogram.of(draw(VALUES), draw(st.none() | SCHEMES if scheme is None else scheme))
    if not found.count:
        return found
    return Histogram(
        scheme=found.scheme,
        buckets=found.buckets,
        count=found.count + draw(st.sampled_from([0, 0, 3])),
        sum=draw(st.sampled_from([found.sum, None])),
        min=draw(st.sampled_from([found.min, None])),
        max=draw(st.sampled_from([found.max, None])),
    )


BYTES = st.binary(max_size=12).map(lambda b: b.decode("utf-8", "surrogateescape"))
"""What a target may have written anywhere, as Python holds it."""

TEXT = (
    st.text(max_size=12) | BYTES | st.sampled_from(['"', "\\", "\x1b[2J", "a\nb", "\u202etxt", "[x]: 9", "é"])
)
C_STRINGS = TEXT.filter(lambda s: "\0" not in s)
NAMES = st.text(string.ascii_letters + string.digits + "._*$ ():éß", min_size=1, max_size=12) | st.just(
    "/tmp/caf\udce9"
)
KEYS: st.SearchStrategy[rs.Key] = INTEGERS | TEXT
IDENTIFIERS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}|", fullmatch=True)
INT_TYPE = st.sampled_from(sorted(INT_TYPES.values(), key=lambda t: t.name))
MAYBE_COUNT = st.none() | st.integers(0, 1 << 70)

_LEAVES: st.SearchStrategy[ex.Expr] = st.one_of(
    st.builds(ex.Int, st.integers(-(1 << 63), UINT64.maximum)),
    st.builds(ex.String, C_STRINGS),
    st.builds(ex.Arg, st.integers(0, 9)),
    st.builds(ex.Reg, st.sampled_from(["rdx", "x0", "r15"])),
    st.builds(ex.Builtin, st.sampled_from(ex.BuiltinName)),
    st.builds(ex.Name, st.sampled_from(["value", "req"])),
)
_BINARY_OPS = [op for union in get_args(ex.BinaryOp) for op in get_args(union)]


def _compound(inner: st.SearchStrategy[ex.Expr]) -> st.SearchStrategy[ex.Expr]:
    return st.one_of(
        st.builds(ex.Member, inner, st.sampled_from(["len", "hdr"]), st.booleans()),
        st.builds(ex.Index, inner, inner),
        st.builds(ex.Deref, inner),
        st.builds(ex.Load, INT_TYPE, inner),
        st.builds(ex.Len, inner),
        st.builds(ex.Cap, inner),
        st.builds(ex.Float, st.sampled_from([32, 64]), inner),
        st.builds(ex.Str, inner, st.none() | st.integers(1, 200)),
        st.builds(ex.Str, inner, st.none(), inner),
        st.builds(ex.Unary, st.sampled_from(get_args(ex.UnaryOp)), inner),
        st.builds(ex.Binary, st.sampled_from(_BINARY_OPS), inner, inner),
        st.builds(ex.Conditional, inner, inner, inner),
        st.builds(ex.Cast, INT_TYPE, inner),
    )


EXPRESSIONS = st.recursive(_LEAVES, _compound, max_leaves=6)
_FUNCTIONS = st.builds(pr.FunctionName, NAMES, st.booleans())
PROBES: st.SearchStrategy[pr.Probe] = st.one_of(
    st.builds(pr.Uprobe, NAMES, _FUNCTIONS, st.integers(0, 1 << 20)),
    st.builds(pr.Uretprobe, NAMES, _FUNCTIONS),
    st.builds(pr.Usdt, NAMES, NAMES, NAMES),
    st.builds(pr.Syscall, NAMES, st.sampled_from(pr.Side)),
    st.builds(pr.Interval, st.sampled_from(sorted(pr.INTERVAL_UNITS)), st.integers(1, 1000)),
    st.builds(pr.Profile, st.sampled_from(pr.PROFILE_UNITS), st.integers(1, 1000)),
)
AGGREGATIONS = st.one_of(
    st.builds(Count),
    st.builds(Scalar, st.sampled_from(Moment), EXPRESSIONS),
    st.builds(Distribution, EXPRESSIONS, SCHEMES),
)
AGGREGATES = st.builds(Aggregate, IDENTIFIERS, AGGREGATIONS, st.lists(EXPRESSIONS, max_size=2))
CLAUSES = st.builds(
    Clause,
    st.lists(PROBES, min_size=1, max_size=2),
    st.none() | EXPRESSIONS,
    st.lists(AGGREGATES, min_size=1, max_size=2),
)
PROGRAMS = st.builds(Program, st.lists(CLAUSES, min_size=1, max_size=2))

MOMENTS = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001, the strategy adds the zone
    max_value=datetime(9998, 12, 31),  # noqa: DTZ001, and of the last year not every moment can be read
    timezones=st.builds(timezone, st.integers(-720, 720).map(lambda m: timedelta(minutes=m))),
)


@st.composite
def maps(draw: st.DrawFn) -> rs.MapResult:
    """Maps of any function, with up to four entries."""
    scalar = st.tuples(st.sampled_from(["count", "sum", "min", "max", "avg", "stats", "value"]), st.none())
    spread = st.tuples(st.sampled_from(["hist", "lhist", "llquantize"]), SCHEMES)
    function, scheme = draw(scalar | spread)
    names = draw(st.lists(TEXT, max_size=2))
    labels = draw(st.just(()) | st.tuples(*(st.dictionaries(INTEGERS, TEXT, max_size=2) for _ in names)))
    keys = st.tuples(*(KEYS for _ in names))
    entries = draw(st.dictionaries(keys, histograms(st.just(scheme)), max_size=4))
    return rs.MapResult(draw(IDENTIFIERS), function, tuple(names), entries, labels)


TARGETS = st.builds(
    rs.TargetRecord,
    argv=st.lists(C_STRINGS, max_size=3).map(tuple),
    pids=st.lists(st.integers(1, 1 << 22), max_size=3).map(tuple),
    system_wide=st.booleans(),
    follow=st.booleans(),
    ending=st.none()
    | st.builds(
        rs.Ending, st.none() | st.integers(0, 255), st.none() | st.just("SIGSEGV"), by_us=st.booleans()
    ),
)
PROVENANCES = st.builds(
    rs.Provenance,
    program=st.none() | PROGRAMS,
    text=TEXT,
    engine=st.builds(rs.Engine, TEXT, TEXT, TEXT),
    target=TARGETS,
    machine=st.builds(rs.Machine, TEXT, TEXT, TEXT, TEXT),
    started=st.none() | MOMENTS,
    ended=st.none() | MOMENTS,
    binaries=st.lists(st.builds(rs.Binary, TEXT, TEXT), max_size=2).map(tuple),
    tracekit=TEXT,
    resolutions=st.lists(
        st.builds(
            rs.Resolution,
            TEXT,
            TEXT,
            TEXT,
            TEXT,
            st.sampled_from(Verdict),
            st.lists(TEXT, max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    imported=st.none() | st.builds(rs.Import, TEXT, TEXT, MOMENTS),
    load=st.none() | st.builds(rs.Load, *[st.integers(0, 1 << 63)] * 3, MAYBE_COUNT),
)
LOSSES = st.builds(rs.Loss, st.sampled_from(rs.LossKind), TEXT, MAYBE_COUNT, st.none() | TEXT, TEXT)
RESULTS = st.builds(
    rs.Result,
    maps=st.lists(maps(), max_size=3).map(tuple),
    provenance=PROVENANCES,
    complete=st.booleans(),
    losses=st.lists(LOSSES, max_size=3).map(tuple),
    notes=st.lists(TEXT, max_size=2).map(tuple),
    merged=st.lists(PROVENANCES, max_size=2).map(tuple),
)
"""Results of every shape; every string in them may be anything that a target can produce."""
