from __future__ import annotations

import pytest
from tests.symbols.abi.signatures import Sources, arguments

from tracekit.core.location import InRegister, Piece
from tracekit.core.signature import Language
from tracekit.core.source import Array, Base, Encoding, Field, Record, RecordKind, Types, Void
from tracekit.errors import UsageError
from tracekit.symbols.abi import Placed, place
from tracekit.symbols.abi.convention import Ask, agreed, unknown_type


def _in(name: str) -> Placed:
    return Placed((Piece(0, 8, InRegister(name)),))


def test_a_question_refuses_only_what_depends_on_it() -> None:
    """What comes out the same for both answers is known; the rest is refused with the question as reason."""

    def rules(ask: Ask) -> tuple[list[Placed], list[Placed]]:
        first, second = ask("whether it rains"), ask("whether it snows")
        return [_in("rdi"), _in("rsi" if first else "rdx"), _in("rcx" if second else "r8")], []

    placed, results = agreed(rules)
    assert placed[0] == _in("rdi")
    assert placed[1].pieces is None and "whether it rains" in placed[1].reason
    assert placed[2].pieces is None and "whether it snows" in placed[2].reason
    assert results == ()


def test_too_many_questions_refuse_all() -> None:
    """Instead of trying all answers to many questions, nothing is said."""

    def rules(ask: Ask) -> tuple[list[Placed], list[Placed]]:
        return [_in("rdi") for _ in range(3) if [ask(f"whether {n}") for n in range(9)]], [_in("rax")]

    placed, results = agreed(rules)
    assert [p.pieces for p in (*placed, *results)] == [None] * 4


def test_nothing_is_known_behind_an_unknown_type() -> None:
    """A parameter of a type that is only declared takes nobody knows what: later ones are refused too."""
    c = Sources()
    number, unknown = c.integer(4), c.add(Void("struct hidden"))
    placed = place(c.function(number, unknown, number), "x86_64").arguments
    assert placed[0].pieces is not None
    assert "struct hidden" in placed[1].reason
    assert "earlier parameter" in placed[2].reason


def test_a_large_union_is_looked_into() -> None:
    """However many arrays a union of 4,096 bytes has, it is known, unless one of its members isn't."""
    fields = tuple(Field(f"m{n}", 2, 0) for n in range(99))
    table = {1: Base("char", 1, Encoding.SIGNED), 2: Array(1, 4096, 1), 3: Void("struct hidden")}
    assert unknown_type(Types({**table, 4: Record("u", 4096, RecordKind.UNION, fields)}), 4) == ""
    hidden = Record("u", 4096, RecordKind.UNION, (*fields, Field("last", 3, 0)))
    assert "struct hidden" in unknown_type(Types({**table, 4: hidden}), 4)


def test_a_result_of_unknown_type_may_shift_all() -> None:
    """On x86-64 the address of a large result takes the first register: if its type isn't known, nothing is."""
    c = Sources()
    signature = c.function(c.integer(4), result=c.add(Void("struct hidden")))
    assert arguments(place(signature, "x86_64")) == ["?"]
    assert arguments(place(signature, "aarch64")) == ["x0"]


def test_other_languages_are_refused() -> None:
    """Of a language without known rules nothing is said."""
    c = Sources(language=Language.OTHER)
    number = c.integer(4)
    found = place(c.function(number, result=number), "x86_64")
    assert [p.pieces for p in (*found.arguments, *found.results)] == [None, None]


def test_unknown_architectures_are_errors() -> None:
    """An architecture without tables is a wrong request, not a guess."""
    with pytest.raises(UsageError, match="riscv64"):
        place(Sources().function(), "riscv64")


def test_further_arguments_are_warned_of() -> None:
    """The named arguments of a variadic function are known; that there are others is said."""
    c = Sources()
    found = place(c.function(c.pointer(), variadic=True), "x86_64")
    assert arguments(found) == ["rdi"]
    assert "further arguments" in found.warnings[0]
