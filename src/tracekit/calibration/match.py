"""What a debugger saw, held against where arguments should be.

The rule comes from measurements (3,168 scalars of 24 builds; see ``combine``): if the data varies, values that
match confirm a place. Which registers hold what a value is expected to be is unique after one or two entries if
the data varies, after five if the values are 0 to 3, and was right whenever it was unique (about 3,700
cases). With words of the stack as candidates, 87 to 97 % never become unique, since callers keep copies
there: so a word of the stack can be confirmed, and is never chosen.

Values are compared within one entry where both come from it, else as sets: Go enters a function once more
when it has moved its stack, so the order of entries isn't that of calls.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

import attrs

from tracekit.calibration.candidates import Candidate, candidates, find_unnamed
from tracekit.calibration.expect import Expectation, fits, telling
from tracekit.calibration.leaves import Leaf, leaves
from tracekit.calibration.samples import Hit, Samples
from tracekit.calibration.words import place_in_words
from tracekit.core.arch import architecture
from tracekit.core.calibration import Argument, Calibration, Known
from tracekit.core.location import Piece, part
from tracekit.core.near import near
from tracekit.core.signature import Language
from tracekit.core.verdict import Verdict
from tracekit.errors import UsageError
from tracekit.values import frozen

_SENTENCES: Final = 3
_BY_DEBUGGER: Final = "as gdb reads it after the prologue"
_MORE_DATA: Final = "Sample more entries (--hits), or a run with more varied data, or expect other values."


class Finding(enum.Enum):
    """What the samples say of a scalar's place."""

    NOTHING = "nothing"
    WEAK = "weak"
    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    CHOSEN = "chosen"


@frozen
class Judgement:
    """What the samples say of a scalar.

    Attributes:
        finding: in a word.
        sentence: the evidence.
        place: where it is, if it was found out only now.
    """

    finding: Finding
    sentence: str = ""
    place: Piece | None = None


def confirm(
    calibration: Calibration, samples: Samples, expectations: Sequence[Expectation] = ()
) -> Calibration:
    """A calibration with what the samples confirm, contradict or add.

    What is confirmed becomes *verified*. An argument that is contradicted is refused with both readings. One
    whose place isn't known gets the register that alone matches. A function without any known argument gets
    one for each name in the expectations.

    Args:
        calibration: where the arguments should be.
        samples: what was seen at entries of the function.
        expectations: what the user knows of its arguments; several of one name mean any of them.

    Raises:
        UsageError: if an expectation names no scalar of the function.
    """
    wanted: dict[str, list[Expectation]] = {}
    for expectation in expectations:
        wanted.setdefault(expectation.name, []).append(expectation)
    tools = calibration.tools
    if samples.gdb_version:
        tools = tuple(dict.fromkeys((*tools, f"gdb {samples.gdb_version}")))
    calibration = attrs.evolve(calibration, tools=tools)
    arch = architecture(calibration.architecture)
    if not calibration.arguments:
        types, found = find_unnamed(calibration, arch, samples.hits, wanted)
        return attrs.evolve(calibration, types=types, arguments=found)
    _check_names(calibration, wanted)
    judge = _Judge(calibration, samples.hits, wanted)
    return attrs.evolve(calibration, arguments=tuple(map(judge.argument, calibration.arguments)))


def _check_names(calibration: Calibration, wanted: Iterable[str]) -> None:
    names = [leaf.path for a in calibration.arguments for leaf in leaves(a, calibration.types)]
    for name in wanted:
        if name not in names:
            guess = near(name, names)
            some = ", ".join(names[:12]) + ("…" if len(names) > 12 else "")
            hint = f"Did you mean {' or '.join(guess)}?" if guess else f"It has {some}."
            raise UsageError(f"{calibration.name} has no number {name!r} among its arguments", hint)


class _Judge:
    """Holds a function's samples against its calibration."""

    def __init__(
        self, calibration: Calibration, hits: Sequence[Hit], wanted: Mapping[str, Sequence[Expectation]]
    ) -> None:
        self._types, self._hits, self._wanted = calibration.types, hits, wanted
        self._arch = architecture(calibration.architecture)
        self._language = calibration.language

    def argument(self, argument: Argument) -> Argument:
        """An argument with what the samples say of it."""
        pairs = [(leaf, self._judge(argument, leaf)) for leaf in leaves(argument, self._types)]
        wrong = [j.sentence for _, j in pairs if j.finding is Finding.CONTRADICTED]
        if wrong:
            return attrs.evolve(
                argument,
                known=(),
                reason=f"what a run showed contradicts where it should be: {wrong[0]}",
                remedy="Check the expectation; if it is right, use the register that --registers shows.",
            )
        known = tuple(part_ for k in argument.known for part_ in _updated(k, pairs))
        chosen = tuple(
            Known(j.place, Verdict.VERIFIED, (j.sentence,))
            for _, j in pairs
            if j.finding is Finding.CHOSEN and j.place
        )
        if chosen:
            ordered = tuple(sorted((*known, *chosen), key=lambda k: k.piece.offset))
            return attrs.evolve(argument, known=ordered, reason="", remedy="")
        weak = [j.sentence for _, j in pairs if j.finding is Finding.WEAK]
        if not known and weak:
            return attrs.evolve(argument, reason=f"{argument.reason}; {weak[0]}", remedy=_MORE_DATA)
        return attrs.evolve(argument, known=known)

    def _judge(self, argument: Argument, leaf: Leaf) -> Judgement:
        predicted = part([k.piece for k in argument.known], leaf.offset, leaf.size)
        after = [self._after(argument, leaf, hit) for hit in self._hits]
        expected = self._wanted.get(leaf.path, ())
        if predicted is None:
            return self._choose(leaf, after, expected)
        raw = [leaf.raw_at(hit, [k.piece for k in argument.known]) for hit in self._hits]
        return max(
            self._by_debugger(leaf, predicted, raw, after),
            self._by_expectation(leaf, predicted, raw, expected),
            key=lambda j: list(Finding).index(j.finding),
        )

    def _after(self, argument: Argument, leaf: Leaf, hit: Hit) -> int | None:
        """A scalar's bits after the prologue, as the debugger read them."""
        data = hit.after.get(argument.name, b"")
        if len(data) != self._types.size(argument.type):
            return None
        return leaf.raw(data[leaf.offset : leaf.offset + leaf.size])

    def _by_debugger(
        self, leaf: Leaf, places: Sequence[Piece], raw: Sequence[int | None], after: Sequence[int | None]
    ) -> Judgement:
        pairs = [(r, a) for r, a in zip(raw, after, strict=True) if r is not None and a is not None]
        for seen, later in pairs:
            if seen != later:
                return Judgement(
                    Finding.CONTRADICTED,
                    f"{leaf.path} is {leaf.number(later)} after the prologue as gdb reads it, but "
                    f"{self._words(places)} had {leaf.number(seen)} at the entry",
                )
        if not pairs:
            return Judgement(Finding.NOTHING)
        seen_all = [seen for seen, _ in pairs]
        sentence = self._sentence(leaf, places, seen_all, _BY_DEBUGGER)
        return _weighed(sentence, enough=len(set(seen_all)) > 1)

    def _by_expectation(
        self,
        leaf: Leaf,
        places: Sequence[Piece],
        raw: Sequence[int | None],
        expected: Sequence[Expectation],
    ) -> Judgement:
        seen = [r for r in raw if r is not None]
        if not expected or not seen:
            return Judgement(Finding.NOTHING)
        wanted = " or ".join(map(str, expected))
        for value in seen:
            if not fits(leaf.number(value), expected):
                return Judgement(
                    Finding.CONTRADICTED,
                    f"{wanted} is expected, but {self._words(places)} had {leaf.number(value)}",
                )
        sentence = self._sentence(leaf, places, seen, f"as {wanted} says")
        own = {p.location for p in places}
        rivals = [
            c for c in self._candidates(leaf) if c.location not in own and self._matches(c, leaf, expected)
        ]
        if rivals:
            names = ", ".join(dict.fromkeys(c.name for c in rivals))
            return Judgement(Finding.WEAK, f"{sentence}, but {names} matched as well")
        return _weighed(sentence, enough=telling(set(seen)))

    def _choose(self, leaf: Leaf, after: Sequence[int | None], expected: Sequence[Expectation]) -> Judgement:
        """The argument register that alone matches what the scalar is known to be."""
        known = [a for a in after if a is not None]
        if leaf.bit_offset % 8 or leaf.bits % 8 or not self._hits or not (known or expected):
            return Judgement(Finding.NOTHING)
        found = [
            c
            for c in self._candidates(leaf)
            if self._matches(c, leaf, expected)
            and all(a is None or c.raw(hit) == a for hit, a in zip(self._hits, after, strict=True))
        ]
        if len(found) != 1:
            names = ", ".join(dict.fromkeys(c.name for c in found)) or "no register of an argument"
            return Judgement(Finding.WEAK, f"{names} matched what {leaf.path} was")
        place = Piece(leaf.offset, leaf.size, found[0].location)
        seen = [raw for hit in self._hits if (raw := found[0].raw(hit)) is not None]
        source = _BY_DEBUGGER if known else f"as {' or '.join(map(str, expected))} says"
        sentence = self._sentence(leaf, (attrs.evolve(place, offset=0),), seen, source)
        if len(set(seen)) > 1 or (telling(set(seen)) and expected):
            return Judgement(Finding.CHOSEN, f"{sentence}; no other register matched", place)
        return _weighed(sentence, enough=False)

    def _candidates(self, leaf: Leaf) -> tuple[Candidate, ...]:
        return candidates(self._arch, self._language, leaf.encoding, leaf.size)

    def _matches(self, candidate: Candidate, leaf: Leaf, expected: Sequence[Expectation]) -> bool:
        values = [candidate.raw(hit) for hit in self._hits]
        return not expected or all(v is not None and fits(leaf.number(v), expected) for v in values)

    def _words(self, places: Sequence[Piece]) -> str:
        c_arguments = self._language is not Language.GO
        return " and ".join(place_in_words(p, self._arch, c_arguments=c_arguments) for p in places)

    def _sentence(self, leaf: Leaf, places: Sequence[Piece], seen: Sequence[int], source: str) -> str:
        values = set(seen)
        variety = f"{len(values)} distinct values"
        if len(values) == 1:
            variety = f"always {leaf.number(min(values))}"
        return (
            f"{leaf.path} = {self._words(places)}: {len(seen)} of {len(self._hits)} hits, {variety}, {source}"
        )


def _weighed(sentence: str, *, enough: bool) -> Judgement:
    if enough:
        return Judgement(Finding.CONFIRMED, sentence)
    return Judgement(Finding.WEAK, f"{sentence}: not enough variety")


def _updated(known: Known, pairs: Sequence[tuple[Leaf, Judgement]]) -> list[Known]:
    """A known part with the judgements on its scalars; in several parts if those differ."""
    piece = known.piece
    inside = [(f, j) for f, j in pairs if f.offset < piece.end and f.offset + f.size > piece.offset]
    confirmed = [j.finding is Finding.CONFIRMED for _, j in inside]
    if any(confirmed) and not all(confirmed):
        cuts = _cut(known, [leaf for leaf, _ in inside])
        if len(cuts) > 1:
            return [k for cut in cuts for k in _updated(cut, inside)]
        # They share their bytes, as in a union: one that has all of them speaks for the others.
        confirmed = [c and f.size >= piece.size for (f, _), c in zip(inside, confirmed, strict=True)]
    sentences = [j.sentence for _, j in inside if j.sentence]
    if len(sentences) > _SENTENCES:
        more = len(sentences) - _SENTENCES + 1
        sentences = [*sentences[: _SENTENCES - 1], f"and so with {more} more of its parts"]
    verdict = Verdict.VERIFIED if any(confirmed) else known.verdict
    return [attrs.evolve(known, verdict=verdict, evidence=(*known.evidence, *sentences))]


def _cut(known: Known, inside: Sequence[Leaf]) -> list[Known]:
    """A known part, cut where scalars begin that share no byte with the one before."""
    piece = known.piece
    bounds, reach = [piece.offset], 0
    for leaf in inside:
        if leaf.offset >= reach and leaf.offset > bounds[-1]:
            bounds.append(leaf.offset)
        reach = max(reach, leaf.offset + leaf.size)
    cuts = []
    for start, end in pairwise((*bounds, piece.end)):
        for own in part((piece,), start, end - start) or ():
            cuts.append(attrs.evolve(known, piece=attrs.evolve(own, offset=own.offset + start)))
    return cuts
