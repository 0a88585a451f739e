"""Debug information and calling convention, made into one verdict."""

from __future__ import annotations

import attrs
import pytest

from tracekit.calibration.combine import arguments, results
from tracekit.calibration.unpassed import Build
from tracekit.core.calibration import Argument
from tracekit.core.location import Behind, InRegister, Location, OnStack, Piece
from tracekit.core.signature import Language, Parameter, Signature
from tracekit.core.source import Base, Encoding, Types
from tracekit.core.verdict import Verdict
from tracekit.symbols.abi import Convention, Placed
from tracekit.symbols.usage import StackUse, Usage

LONG = 1
TYPES = Types({LONG: Base("long", 8, Encoding.SIGNED)})
RDI, RSI = InRegister("rdi"), InRegister("rsi")
GCC = Build(optimised=True)
CLANG = Build(llvm=True, optimised=None)


def whole(location: Location, size: int = 8) -> tuple[Piece, ...]:
    return (Piece(0, size, location),)


def judged(
    said: Location | None,
    ruled: Location | None,
    build: Build = GCC,
    *,
    language: Language = Language.C,
    local: bool = False,
    nocall: bool | None = None,
    gone: bool = False,
    also: tuple[Location | None, Location | None] | None = None,
) -> Argument:
    """What is made of one argument, said to be in one place and ruled to be in another."""
    pairs = [(said, ruled), *([also] if also else [])]
    signature = Signature(
        name="f",
        symbol="f",
        address=0x1000,
        language=language,
        types=TYPES,
        parameters=tuple(
            Parameter(
                f"a{n}", LONG, pieces=None if a is None else whole(a), unusable="" if a else "why", gone=gone
            )
            for n, (a, _) in enumerate(pairs)
        ),
        local=local,
        nocall=nocall,
    )
    placed = tuple(Placed(None, "unknown") if b is None else Placed(whole(b)) for _, b in pairs)
    return arguments(signature, Convention("System V AMD64", placed, ()), build)[0]


@pytest.mark.parametrize(
    ("said", "ruled", "verdict", "place"),
    [
        (RDI, RDI, Verdict.HIGH, RDI),
        (None, RDI, Verdict.GOOD, RDI),
        (RDI, None, Verdict.GOOD, RDI),
        (None, None, Verdict.REFUSED, None),
    ],
)
def test_the_table_of_verdicts(
    said: Location | None, ruled: Location | None, verdict: Verdict, place: Location | None
) -> None:
    """Agreement is high, one source alone is good, and none at all is refused."""
    found = judged(said, ruled)
    assert found.verdict is verdict
    assert [k.piece.location for k in found.known] == ([place] if place else [])
    assert bool(found.reason) == (verdict is Verdict.REFUSED)


def test_a_contradiction() -> None:
    """A local function isn't called by the rules, then; of one that has to be, something is a mistake."""
    assert judged(RSI, RDI, local=True).known[0].piece.location == RSI
    assert judged(RSI, RDI, local=True).verdict is Verdict.GOOD
    assert judged(RSI, RDI).verdict is Verdict.REFUSED
    assert judged(RSI, RDI, language=Language.RUST).verdict is Verdict.GOOD
    # clang says so of a part of a register that the function moves to its beginning.
    assert judged(RDI, InRegister("rdi", 4), local=True).verdict is Verdict.REFUSED


def test_one_contradiction_spoils_the_convention_for_all() -> None:
    """If another argument is elsewhere than ruled, one that only the convention places is refused."""
    found = judged(None, RDI, also=(InRegister("rcx"), RSI))
    assert found.verdict is Verdict.REFUSED
    assert "a1 elsewhere" in found.reason
    assert judged(RDI, RDI, also=(InRegister("rcx"), RSI)).verdict is Verdict.GOOD


@pytest.mark.parametrize("why", [{"build": attrs.evolve(GCC, clone=True)}, {"nocall": True}])
def test_what_follows_no_convention(why: dict[str, object]) -> None:
    """Of clones and of functions marked so only the debug information counts."""
    assert judged(None, RDI, **why).verdict is Verdict.REFUSED  # type: ignore[arg-type]
    by_debug_information = judged(RDI, RDI, **why)  # type: ignore[arg-type]
    assert by_debug_information.verdict is Verdict.GOOD
    assert "doesn't count" in by_debug_information.known[0].evidence[0]


@pytest.mark.parametrize(
    ("build", "local", "verdict"),
    [
        (CLANG, True, Verdict.REFUSED),
        (attrs.evolve(CLANG, optimised=False), True, Verdict.GOOD),
        (attrs.evolve(CLANG, reads=Usage(None, StackUse, frozenset({"rdi"}))), True, Verdict.GOOD),
        (attrs.evolve(CLANG, reads=Usage(None, StackUse, frozenset({"rdi", "rsi"}))), True, Verdict.REFUSED),
        (CLANG, False, Verdict.GOOD),
        (GCC, True, Verdict.GOOD),
    ],
)
def test_llvm_changes_local_functions(build: Build, local: bool, verdict: Verdict) -> None:
    """The convention alone counts for nothing where LLVM knows all callers, unless the code shows it."""
    assert judged(None, RDI, build, local=local).verdict is verdict
    assert judged(None, RDI, build, local=local, nocall=False).verdict is Verdict.GOOD


def test_a_compiler_that_forgets_parameters() -> None:
    """Where one may be missing unnoticed, only what the debug information itself places is known."""
    forgets = attrs.evolve(CLANG, optimised=False, forgets=True)
    assert judged(None, RDI, forgets).verdict is Verdict.REFUSED
    assert judged(RDI, RDI, forgets).verdict is Verdict.HIGH


def test_llvm_passes_anything_for_what_is_not_used() -> None:
    """An argument that the debug information has no place for wasn't passed, whoever may call the function."""
    found = judged(None, RDI, CLANG, gone=True)
    assert found.verdict is Verdict.REFUSED
    assert "doesn't use it" in found.reason
    assert judged(None, RDI, GCC, gone=True).verdict is Verdict.GOOD
    reads = attrs.evolve(CLANG, reads=Usage(None, lambda: StackUse((range(8, 16),)), frozenset({"rdi"})))
    assert judged(None, RDI, reads, gone=True).verdict is Verdict.GOOD
    assert judged(None, RSI, reads, gone=True).verdict is Verdict.REFUSED
    assert judged(None, OnStack(8), reads, gone=True).verdict is Verdict.GOOD
    assert judged(None, OnStack(16), reads, gone=True).verdict is Verdict.REFUSED
    assert judged(None, RDI, attrs.evolve(CLANG, optimised=False), gone=True).verdict is Verdict.GOOD


def test_a_part_that_is_not_used() -> None:
    """Of a struct in two registers, the part that has a place is known and the other isn't."""
    signature = Signature("f", "f", 0, Language.C, TYPES, (Parameter("v", LONG, pieces=(Piece(8, 8, RSI),)),))
    both = (Piece(0, 8, RDI), Piece(8, 8, RSI))
    convention = Convention("System V AMD64", (Placed(both),), ())
    (by_clang,) = arguments(signature, convention, CLANG)
    assert [(k.piece, k.verdict) for k in by_clang.known] == [(Piece(8, 8, RSI), Verdict.HIGH)]
    assert "doesn't use it" in by_clang.reason
    (by_gcc,) = arguments(signature, convention, GCC)
    assert [(k.piece, k.verdict) for k in by_gcc.known] == [
        (Piece(0, 8, RDI), Verdict.GOOD),
        (Piece(8, 8, RSI), Verdict.HIGH),
    ]


def test_a_part_that_is_never_read() -> None:
    """Of two numbers on the stack, LLVM's callers write the one that the function reads."""
    later = Parameter("v", LONG, unusable="it has no place at the entry, only later")
    signature = Signature("f", "f", 0, Language.RUST, TYPES, (later,))
    both = (Piece(0, 8, OnStack(8)), Piece(8, 8, OnStack(16)))
    reads = attrs.evolve(CLANG, reads=Usage(None, lambda: StackUse((range(16, 24),))))
    (found,) = arguments(signature, Convention("Rust", (Placed(both),), ()), reads)
    assert [k.piece for k in found.known] == [Piece(8, 8, OnStack(16))]
    assert "never reads it" in found.reason


def test_what_is_read_behind_a_pointer() -> None:
    """Of a struct behind a hidden pointer, GCC's callers write the members that are read."""
    signature = Signature("f", "f", 0, Language.C, TYPES, (Parameter("v", LONG),))
    behind = (Piece(0, 24, Behind(RDI, 0)),)
    reads = attrs.evolve(GCC, behind={RDI: (range(8, 12), range(12, 16), range(20, 40))})
    (found,) = arguments(signature, Convention("System V AMD64", (Placed(behind),), ()), reads)
    assert [k.piece for k in found.known] == [Piece(8, 8, Behind(RDI, 8)), Piece(20, 4, Behind(RDI, 20))]
    assert "never reads it" in found.reason
    unknown = attrs.evolve(GCC, behind={})
    (whole_,) = arguments(signature, Convention("System V AMD64", (Placed(behind),), ()), unknown)
    assert [k.piece for k in whole_.known] == list(behind)


def test_copies_lose_their_hidden_pointers() -> None:
    """Of a clone, GCC's word for a value behind a pointer is that of the function it was made of."""
    clone = attrs.evolve(GCC, clone=True)
    assert judged(Behind(RDI), Behind(RDI), clone).verdict is Verdict.REFUSED
    assert judged(RDI, RDI, clone).verdict is Verdict.GOOD


def test_go_goes_by_its_convention() -> None:
    """Its debug information is 8 bytes off for some arguments; the convention was always right."""
    found = judged(OnStack(16), OnStack(8), language=Language.GO, local=True)
    assert [(k.piece.location, k.verdict) for k in found.known] == [(OnStack(8), Verdict.GOOD)]
    assert judged(RDI, RDI, language=Language.GO).verdict is Verdict.HIGH
    assert judged(RDI, None, language=Language.GO).verdict is Verdict.GOOD


def test_neighbours_in_one_place_are_one_piece() -> None:
    """What both sources cut differently is put together again."""
    parameter = Parameter("v", LONG, pieces=(Piece(0, 4, RDI), Piece(4, 4, InRegister("rdi", 4))))
    signature = Signature("f", "f", 0, Language.C, TYPES, (parameter,))
    convention = Convention("System V AMD64", (Placed(whole(RDI)),), ())
    (found,) = arguments(signature, convention, GCC)
    assert [k.piece for k in found.known] == [Piece(0, 8, RDI)]


@pytest.mark.parametrize(
    ("build", "local", "verdict"),
    [
        (GCC, True, Verdict.GOOD),
        (CLANG, False, Verdict.GOOD),
        (CLANG, True, Verdict.REFUSED),
        (attrs.evolve(GCC, clone=True), False, Verdict.REFUSED),
    ],
)
def test_results_go_by_the_convention(build: Build, local: bool, verdict: Verdict) -> None:
    """There is nothing else to go by, so where it doesn't hold, results are refused."""
    signature = Signature("f", "f", 0, Language.C, TYPES, result=LONG, local=local)
    convention = Convention("System V AMD64", (), (Placed(whole(InRegister("rax"))),))
    (found,) = results(signature, convention, build)
    assert found.verdict is verdict
