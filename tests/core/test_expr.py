"""Expressions: what Python's operators build, what is refused, and what type a value has."""

from __future__ import annotations

import pytest
from hypothesis import given
from tests.strategies import expressions

from tracekit.core.expr import (
    Arg,
    Binary,
    Builtin,
    BuiltinName,
    Cast,
    Conditional,
    Deref,
    Float,
    Index,
    Int,
    Load,
    Member,
    Name,
    Reg,
    Str,
    String,
    Unary,
    children,
    expr,
    type_of,
    walk,
)
from tracekit.core.types import INT64, INT_TYPES, UINT64, OtherType
from tracekit.errors import UsageError

A, B = Arg(0), Arg(1)
INT8, UINT8, INT32 = INT_TYPES["int8"], INT_TYPES["uint8"], INT_TYPES["int32"]
COMM, USTACK = Builtin(BuiltinName.COMM), Builtin(BuiltinName.USTACK)


@pytest.mark.parametrize(
    ("built", "node"),
    [
        (A + B, Binary("+", A, B)),
        (A + 1, Binary("+", A, Int(1))),
        (1 + A, Binary("+", Int(1), A)),
        (A - 1, Binary("-", A, Int(1))),
        (1 - A, Binary("-", Int(1), A)),
        (A * 2, Binary("*", A, Int(2))),
        (2 * A, Binary("*", Int(2), A)),
        (A // 2, Binary("/", A, Int(2))),
        (A % 2, Binary("%", A, Int(2))),
        (A << 2, Binary("<<", A, Int(2))),
        (A >> 2, Binary(">>", A, Int(2))),
        (A & 2, Binary("&", A, Int(2))),
        (A | 2, Binary("|", A, Int(2))),
        (A ^ 2, Binary("^", A, Int(2))),
        (A < 2, Binary("<", A, Int(2))),
        (A <= 2, Binary("<=", A, Int(2))),
        (A > 2, Binary(">", A, Int(2))),
        (A >= 2, Binary(">=", A, Int(2))),
        (-A, Unary("-", A)),
        (~A, Unary("~", A)),
        (A.eq(2), Binary("==", A, Int(2))),
        (A.ne(2), Binary("!=", A, Int(2))),
        (A.and_(B), Binary("&&", A, B)),
        (A.or_(B), Binary("||", A, B)),
        (A.not_(), Unary("!", A)),
        (A.cast(INT32), Cast(INT32, A)),
        (COMM.eq("sh"), Binary("==", COMM, String("sh"))),
        (A + True, Binary("+", A, Int(1))),
    ],
)
def test_operators_build_expressions(built, node) -> None:
    """Python's operators give the node of C's operator, with plain values as literals."""
    assert built == node


def test_equality_is_that_of_the_nodes() -> None:
    """``==`` compares two expressions, so that they can stand in sets and dictionaries."""
    assert Arg(0) == A
    assert A != B
    assert len({A, Arg(0), B}) == 2
    assert Int(1) != String("1")


@pytest.mark.parametrize("use", [lambda: bool(A), lambda: A < B < A, lambda: A and B, lambda: not A])
def test_expressions_have_no_truth_value(use) -> None:
    """``and``, ``or``, ``not`` and chained comparisons would drop a part, so they raise."""
    with pytest.raises(TypeError, match=r"\.and_\(\)"):
        use()


def test_expressions_do_not_change() -> None:
    """A node can't be changed after it is built."""
    with pytest.raises(AttributeError):
        A.index = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Int(UINT64.maximum + 1), "does not fit 64 bits"),
        (lambda: Int(INT64.minimum - 1), "does not fit 64 bits"),
        (lambda: String("a\0b"), "NUL"),
        (lambda: Arg(-1), "negative"),
        (lambda: Reg(""), "no register's name"),
        (lambda: Reg('rdx"'), "no register's name"),
        (lambda: Reg("rdä"), "no register's name"),
        (lambda: Str(A, 0), "length 0"),
    ],
)
def test_impossible_leaves_are_refused(make, message: str) -> None:
    """Literals out of range, and names that could break out of an engine's text, can't be built."""
    with pytest.raises(UsageError, match=message):
        make()


def test_literals_become_nodes() -> None:
    """``expr`` leaves expressions alone, and makes literals of ints and strings."""
    assert expr(A) is A
    assert expr(3) == Int(3)
    assert expr("x") == String("x")
    assert expr(-1.5) == Float(64, Int(0xBFF8000000000000))
    assert Binary("*", expr(1.5), A) == 1.5 * A


@given(expressions())
def test_walk_gives_every_node_once(node) -> None:
    """``walk`` begins with the node itself and goes on with what its children give."""
    assert list(walk(node)) == [node, *(inner for child in children(node) for inner in walk(child))]


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (Int(3), INT64),
        (Int(INT64.maximum), INT64),
        (Int(INT64.maximum + 1), UINT64),
        (A, INT64),
        (Reg("rdx"), UINT64),
        (Builtin(BuiltinName.PID), INT64),
        (Builtin(BuiltinName.RETVAL), INT64),
        (Builtin(BuiltinName.ELAPSED), INT64),
        (COMM, OtherType.STRING),
        (Builtin(BuiltinName.FUNC), OtherType.STRING),
        (USTACK, OtherType.STACK),
        (String("x"), OtherType.STRING),
        (Str(A), OtherType.STRING),
        (Load(UINT8, A), UINT8),
        (Cast(INT8, Reg("rdx")), INT8),
        (-Load(UINT8, A), INT64),
        (~Reg("rdx"), UINT64),
        (Reg("rdx").not_(), INT64),
        (A + B, INT64),
        (A + Reg("rdx"), UINT64),
        (Load(UINT8, A) + Load(UINT8, B), INT64),
        (Reg("rdx") > A, INT64),
        (A.and_(Reg("rdx")), INT64),
        (A << Reg("rdx"), INT64),
        (Reg("rdx") >> A, UINT64),
        (COMM.eq("sh"), INT64),
        (Conditional(A, A, Reg("rdx")), UINT64),
        (Conditional(COMM.ne("sh"), Load(INT8, A), Int(1)), INT64),
    ],
)
def test_type_of(node, expected) -> None:
    """A value's type follows C's conversions with one width, 64 bits."""
    assert type_of(node) == expected


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (COMM + 1, "a string stands where a number is needed"),
        (USTACK + 1, "a stack stands where a number is needed"),
        (-COMM, "a string stands"),
        (Cast(INT8, COMM), "a string stands"),
        (Load(INT8, String("x")), "a string stands"),
        (Str(String("x")), "a string stands"),
        (COMM < "sh", "a string stands"),
        (COMM.and_(A), "a string stands"),
        (Conditional(COMM, A, A), "a string stands"),
        (Conditional(A, COMM, COMM), "a string stands"),
        (COMM.eq(A), "== compares a string with a number"),
        (A.ne("x"), "!= compares a string with a number"),
        (USTACK.eq(COMM), "== compares a string with a number"),
        (Name("value"), "only after it is resolved"),
        (Member(A, "len"), "only after it is resolved"),
        (Index(A, A), "only after it is resolved"),
        (Deref(A) + 1, "only after it is resolved"),
    ],
)
def test_expressions_without_a_type(node, message: str) -> None:
    """Strings in arithmetic, comparisons of strings with numbers, and unresolved names are refused."""
    with pytest.raises(UsageError, match=message):
        type_of(node)


@pytest.mark.parametrize("op", ["==", "!=", "+", "&&", "<<"])
def test_types_look_at_each_operand_once(op) -> None:
    """The type of a chain of a hundred operators is there at once, also where strings might be compared."""
    chain = A
    for _ in range(100):
        chain = Binary(op, chain, B)
    assert type_of(chain) == INT64
