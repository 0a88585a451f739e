"""What a calling convention says of a signature, and how what it leaves open is dealt with.

Debug information doesn't tell all that a convention asks for. A rule that needs more asks a question, and is
then carried out for both answers: what comes out the same is known all the same, and the rest is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tracekit.core.location import InRegister, InVector, OnStack, Piece
from tracekit.core.signature import Parameter
from tracekit.core.source import Base, Passing, Record, TypeId, Types, Void
from tracekit.symbols.abi.layout import WORD, alignment, parts
from tracekit.values import define, frozen


@frozen
class Placed:
    """Where a parameter or a result is.

    Attributes:
        pieces: its parts; padding may be left out, and what takes no bytes has none. None if it can't be known.
        reason: why it can't, in one sentence; empty if it can.
    """

    pieces: tuple[Piece, ...] | None
    reason: str = ""


@frozen
class Convention:
    """What a convention says of a signature.

    Attributes:
        name: the convention's name.
        arguments: one for each parameter, at the function's entry.
        results: the result (one or none), or Go's, when the function has run its last instruction but its
            return: offsets on the stack count from where the stack pointer points then, as at the entry.
        warnings: what a reader should know.
    """

    name: str
    arguments: tuple[Placed, ...]
    results: tuple[Placed, ...]
    warnings: tuple[str, ...] = ()


Ask = Callable[[str], bool]
"""Answers a question that is worded to follow "it depends on": ``whether …``."""

Fits = Callable[[Sequence[Placed]], bool]
"""Tells whether the places of all arguments may be right, by other evidence."""

Rules = Callable[[Ask], tuple[Sequence[Placed], Sequence[Placed]]]
"""Gives arguments and results, and asks what it can't know."""

_MOST_QUESTIONS: Final = 6

_LARGEST_LOOKED_INTO: Final = 4096
"""Bytes of the largest value whose members are all looked at; larger ones are in memory anyway."""


def anything(_: Sequence[Placed]) -> bool:
    """Fits whatever the places are."""
    return True


def agreed(rules: Rules, fits: Fits = anything) -> tuple[tuple[Placed, ...], tuple[Placed, ...]]:
    """What rules say whatever the answers to their questions are.

    Args:
        rules: gives as many arguments and results for all answers.
        fits: tells which answers don't count, as long as others do.

    Returns:
        The arguments and results. One that depends on an answer is refused, with the question as the reason.
    """
    outcomes: list[tuple[Mapping[str, bool], Sequence[Placed], Sequence[Placed]]] = []
    open_ends: list[dict[str, bool]] = [{}]
    while open_ends:
        answers = open_ends.pop()

        def ask(question: str, answers: dict[str, bool] = answers) -> bool:
            if question not in answers:
                if len(answers) < _MOST_QUESTIONS:
                    open_ends.append({**answers, question: True})
                answers[question] = False
            return answers[question]

        arguments, results = rules(ask)
        outcomes.append((answers, arguments, results))
    questions = tuple(dict.fromkeys(q for answers, _, _ in outcomes for q in answers))
    if len(questions) > _MOST_QUESTIONS:
        reason = f"It depends on more than its debug information tells, such as {questions[0]}."
        return tuple(Placed(None, reason) for _ in outcomes[0][1]), tuple(
            Placed(None, reason) for _ in outcomes[0][2]
        )
    outcomes = [outcome for outcome in outcomes if fits(outcome[1])] or outcomes
    answered = [answers for answers, _, _ in outcomes]
    return tuple(
        _common(column, answered, questions) for column in zip(*(a for _, a, _ in outcomes), strict=True)
    ), tuple(_common(column, answered, questions) for column in zip(*(r for _, _, r in outcomes), strict=True))


def agreed_on(ways: Sequence[Sequence[Placed]], otherwise: Placed) -> tuple[Placed, ...]:
    """The places of several things that are the same in all ways to place them; what is said if they differ."""
    return tuple(
        column[0] if all(p == column[0] for p in column) else otherwise for column in zip(*ways, strict=True)
    )


def _common(
    placed: Sequence[Placed], answers: Sequence[Mapping[str, bool]], questions: Sequence[str]
) -> Placed:
    """One thing's place, if it is the same for all answers."""
    if all(p == placed[0] for p in placed):
        return placed[0]
    refused = [p for p in placed if p.pieces is None]
    if refused:
        return refused[0]

    def matters(question: str) -> bool:
        """Whether the places differ by this answer."""
        sides = [
            {p for p, given in zip(placed, answers, strict=True) if given.get(question) is answer}
            for answer in (False, True)
        ]
        return sides[0] != sides[1]

    decisive = next((q for q in questions if matters(q)), questions[0])
    return Placed(None, f"It depends on {decisive}, which the debug information doesn't tell.")


@define
class Registers:
    """Registers that are handed out in order, and the stack behind them.

    Attributes:
        integers: the general registers for arguments.
        vectors: the vector registers for arguments.
        stack_base: bytes from the stack pointer to the first argument on the stack.
        integer: how many general registers are taken.
        vector: how many vector registers are taken.
        stack: bytes of the stack that are taken.
        uncounted: how many of the taken general registers clang doesn't count when it asks whether a value
            still fits: those that have a ``std::nullptr_t``. Then it may be split, and have its end on the
            stack (14 and 19, by trying).
    """

    integers: tuple[str, ...]
    vectors: tuple[str, ...]
    stack_base: int
    integer: int = 0
    vector: int = 0
    stack: int = 0
    uncounted: int = 0

    @property
    def integers_left(self) -> int:
        """How many general registers are free."""
        return max(0, len(self.integers) - self.integer)

    @property
    def vectors_left(self) -> int:
        """How many vector registers are free."""
        return max(0, len(self.vectors) - self.vector)

    def take_integer(self) -> InRegister:
        """The next general register."""
        self.integer += 1
        return InRegister(self.integers[self.integer - 1])

    def take_vector(self) -> InVector:
        """The next vector register."""
        self.vector += 1
        return InVector(self.vectors[self.vector - 1])

    def take_stack(self, size: int, align: int, unit: int) -> OnStack:
        """The next bytes on the stack.

        Args:
            size: how many.
            align: what their distance from the first argument on the stack is a multiple of.
            unit: what their number is rounded up to a multiple of.
        """
        at = rounded(self.stack, align)
        self.stack = at + rounded(size, unit)
        return OnStack(self.stack_base + at)

    def take_pointer(self) -> InRegister | OnStack:
        """The place of a pointer, which takes a general register or else the stack."""
        return self.take_integer() if self.integers_left else self.take_stack(8, 8, 8)


def rounded(number: int, multiple: int) -> int:
    """The least multiple that is no less than the number."""
    return -(-number // multiple) * multiple


def words(size: int) -> tuple[tuple[int, int], ...]:
    """The words of 8 bytes that a value takes: offset and size of each; the last may be shorter."""
    return tuple((at, min(8, size - at)) for at in range(0, size, 8))


def in_order(
    parameters: Sequence[Parameter], types: Types, place: Callable[[TypeId], tuple[Piece, ...]]
) -> list[Placed]:
    """Place parameters one after the other; behind one whose type is not known, nothing is known.

    Args:
        parameters: which.
        types: their types.
        place: gives the place of the next one.
    """
    placed: list[Placed] = []
    lost = ""
    for parameter in parameters:
        if not lost and (unknown := unknown_type(types, parameter.type)):
            placed.append(Placed(None, unknown))
            lost = f"An earlier parameter, {parameter.name or 'without a name'}, can't be placed: {unknown}"
        elif lost:
            placed.append(Placed(None, lost))
        else:
            placed.append(Placed(place(parameter.type)))
    return placed


def unknown_type(types: Types, number: TypeId) -> str:
    """Why a type's values can't be placed, in a sentence; empty if they can."""
    match types.resolved(number):
        case Record(passing=Passing.REFERENCE):
            return ""  # whatever is in it, a pointer is passed
        case _:
            size = types.size(number)
    for part in parts(types, number) if size <= _LARGEST_LOOKED_INTO else ():
        match part:
            case Void(name) if "nullptr" not in name:
                return f"The debug information doesn't define the type {name}."
            case Base(name, size) if "_BitInt" in name and size > WORD:
                return f"How {name} is passed is not known here."
            case _:
                pass
    return ""


def stack_alignment(types: Types, number: TypeId, at: int, ask: Ask) -> int:
    """Bytes that a value on the stack is aligned to, at least 8.

    A record that is packed but whose members happen to be where they would be anyway looks like one that isn't;
    that makes a difference only if its members ask for more than 8 bytes, and the next place doesn't give it.

    Args:
        types: the types.
        number: the value's.
        at: bytes from the first argument on the stack to the next free place.
        ask: answers whether a record is packed.
    """
    align = max(WORD, alignment(types, number))
    match types.resolved(number):
        case Record(name, align=None) if align > WORD and at % align:
            return WORD if ask(f"whether {name or 'a record without a name'} is packed") else align
        case _:
            return align
