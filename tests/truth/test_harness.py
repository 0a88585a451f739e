"""The harness itself: it finds what is right, what is wrong, and the smallest example."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence

import attrs
import pytest
from tests.truth import values
from tests.truth.builds import ALL, Build
from tests.truth.evaluate import NUMBER, Report, Resolve, evaluate
from tests.truth.judge import Leaf, NoSuchPathError, Outcome, find_leaf
from tests.truth.model import Function, Kind, Member, Parameter, Record, Scalar, leaves_in, simpler
from tests.truth.random_c import FLOATS, INTS
from tests.truth.shrink import shrink

from tracekit.core.arch import architecture
from tracekit.core.calibration import Argument, Calibration, Known
from tracekit.core.location import InRegister, InVector, Location, OnStack, Piece
from tracekit.core.signature import Language
from tracekit.core.source import Array as SourceArray
from tracekit.core.source import Base, Encoding, Field, RecordKind, Types, Variant
from tracekit.core.source import Record as SourceRecord
from tracekit.core.verdict import Verdict
from tracekit.symbols.function import Function as Symbol
from tracekit.symbols.image import Image

C = {
    machine: next(b for b in ALL if b.language == "C" and b.machine == machine)
    for machine in ("x86_64", "aarch64")
}
PLAIN = frozenset({"noipa"})


def plain_functions(seed: object, machine: str) -> list[Function]:
    """Functions whose arguments are integers and doubles, of which C's convention says little."""
    rng = values.rng_of(seed)
    found = []
    for number in range(20):
        kinds = rng.choices([*INTS, FLOATS[1]], k=rng.randint(1, 10))
        if machine == "aarch64":
            kinds = kinds[:8]  # further ones are packed or not by who made the system
        parameters = tuple(Parameter(f"a{i}", kind) for i, kind in enumerate(kinds))
        found.append(Function(number, parameters, None, PLAIN))
    return found


def by_the_book(functions: Sequence[Function], machine: str) -> Resolve:
    """Where C's conventions put integers and doubles, written down without the code under test."""
    named = {f.number: f for f in functions}
    arch = architecture(machine)
    vector = "xmm" if machine == "x86_64" else "v"

    def resolve(image: Image, symbol: Symbol) -> Calibration:
        found = NUMBER.search(symbol.name)
        assert found
        integers, floats, stack = list(arch.arguments), [f"{vector}{i}" for i in range(8)], arch.stack_arguments
        arguments, table = [], {}
        for index, parameter in enumerate(named[int(found[1])].parameters):
            scalar = parameter.type
            assert isinstance(scalar, Scalar)
            of_float = scalar.kind is Kind.FLOAT
            location: Location
            if of_float and floats:
                location = InVector(floats.pop(0))
            elif not of_float and integers:
                location = InRegister(integers.pop(0))
            else:
                location, stack = OnStack(stack), stack + 8
            table[index + 1] = Base(scalar.spelling, scalar.size, Encoding.UNSIGNED)
            known = Known(Piece(0, scalar.size, location), Verdict.GOOD)
            arguments.append(Argument(parameter.name, index + 1, (known,)))
        return Calibration(
            build_id="",
            architecture=machine,
            symbol=symbol.name,
            address=symbol.address,
            name=symbol.name,
            language=Language.C,
            types=Types(table),
            arguments=tuple(arguments),
        )

    return resolve


def with_swapped(resolve: Resolve) -> Resolve:
    """The same, but that the first two integers of each function have each other's registers."""

    def swapped(image: Image, symbol: Symbol) -> Calibration:
        calibration = resolve(image, symbol)
        first, second = architecture(calibration.architecture).arguments[:2]
        other = {InRegister(first): InRegister(second), InRegister(second): InRegister(first)}

        def moved(argument: Argument) -> Argument:
            piece = argument.known[0].piece
            location = (
                other[piece.location]
                if isinstance(piece.location, InRegister) and piece.location in other
                else piece.location
            )
            return attrs.evolve(argument, known=(Known(attrs.evolve(piece, location=location), Verdict.GOOD),))

        return attrs.evolve(calibration, arguments=tuple(map(moved, calibration.arguments)))

    return swapped


def needed(build: Build) -> Build:
    """The build; skips where its tools are missing."""
    if build.missing:
        pytest.skip(build.how_to_install)
    return build


@pytest.fixture(scope="module", params=["x86_64", "aarch64"])
def plain(request: pytest.FixtureRequest) -> tuple[Build, list[Function]]:
    """A build by gcc, and functions with plain arguments."""
    build = needed(C[request.param])
    return build, plain_functions("plain", build.machine)


def test_the_true_values_are_where_the_convention_puts_them(plain: tuple[Build, list[Function]]) -> None:
    """Every plain argument is found right: the programs pass what the truth says, and gdb sees it."""
    build, functions = plain
    report = evaluate(build, functions, "plain", by_the_book(functions, build.machine))
    assert {f.outcome for f in report.findings} == {Outcome.RIGHT}
    assert len(report.findings) == sum(leaves_in(p.type for p in f.parameters) for f in functions)
    assert not report.uncalled


def integers(function: Function) -> list[str]:
    """The names of a function's first two integers."""
    names = [p.name for p in function.parameters if isinstance(p.type, Scalar) and p.type.kind is Kind.INT]
    return names[:2]


def test_a_wrong_register_is_reported(plain: tuple[Build, list[Function]]) -> None:
    """Of functions with two integers, whose registers are swapped on purpose, exactly those two are wrong."""
    build, functions = plain
    wide = [f for f in functions if len(integers(f)) == 2]
    assert wide
    report = evaluate(build, wide, "plain", with_swapped(by_the_book(wide, build.machine)))
    wrong = {(f.number, f.path[0]) for f in report.failures()}
    assert wrong == {(f.number, name) for f in wide for name in integers(f)}


def test_what_is_refused_is_counted_with_its_reason() -> None:
    """An argument without a place is refused, not right and not wrong, for the reason that is given."""
    build = needed(C["x86_64"])
    functions = plain_functions("refused", "x86_64")[:3]
    book = by_the_book(functions, "x86_64")

    def resolve(image: Image, symbol: Symbol) -> Calibration:
        found = book(image, symbol)
        refused = tuple(attrs.evolve(a, known=(), reason=f"no place for {a.name}") for a in found.arguments)
        return attrs.evolve(found, arguments=refused)

    report = evaluate(build, functions, "refused", resolve)
    assert report.count(Outcome.REFUSED) == len(report.findings) > 0
    assert dict(report.reasons()) == {"no place for ARG": len(report.findings)}


def test_a_crash_of_what_is_under_test_fails() -> None:
    """An exception that isn't one of tracekit's own is a failure of the function."""
    build = needed(C["x86_64"])
    functions = plain_functions("crash", "x86_64")[:2]

    def resolve(image: Image, symbol: Symbol) -> Calibration:
        raise ZeroDivisionError(symbol.name)

    report: Report = evaluate(build, functions, "crash", resolve)
    assert [f.outcome for f in report.failures()] == [Outcome.CRASHED, Outcome.CRASHED]


def test_the_smallest_example_is_found() -> None:
    """With a rule that is wrong for the second integer only, what remains are two integers and nothing else."""
    build = needed(C["x86_64"])
    ints = [Parameter(f"a{i}", INTS[i + 5]) for i in range(4)]
    extra = Parameter(
        "p", Record("struct", (Member("m0", INTS[5]), Member("m1", INTS[5]))), frozenset({"unused"})
    )
    function = Function(7, (*ints, Parameter("d", FLOATS[1])), INTS[5], PLAIN | {"twice"})

    def resolve(image: Image, symbol: Symbol) -> Calibration:
        found = NUMBER.search(symbol.name)
        assert found
        types = Types({1: Base("int", 4, Encoding.SIGNED)})
        known = (Known(Piece(0, 4, InRegister("rdi")), Verdict.GOOD),)
        arguments = tuple(Argument(name, 1, known) for name in ("a0", "a1"))
        return Calibration("", "x86_64", symbol.name, symbol.address, "", Language.C, types, arguments)

    shrunk = shrink(build, function, "small", resolve)
    assert [p.name for p in shrunk.function.parameters] == ["a0", "a1"]
    assert shrunk.function.result is None and not shrunk.function.traits
    assert shrunk.findings[0].path == ("a1",) and shrunk.function.name in shrunk.text
    fewer = [f for f in simpler(attrs.evolve(function, parameters=(extra,))) if f.parameters]
    assert {len(f.parameters[0].type.members) for f in fewer if isinstance(f.parameters[0].type, Record)} == {
        1,
        2,
    }


@pytest.mark.parametrize("value", [1.0, -2.5, 3.0e-20, 1.25e15])
def test_long_double_is_encoded_as_the_processor_does(value: float) -> None:
    """The 80 bits of a number are those that C has for its ``long double``."""
    if ctypes.sizeof(ctypes.c_longdouble) != 16:
        pytest.skip("C's long double has another format here")
    raw = bytes(ctypes.c_longdouble(value))[:10]
    assert values.x87(value) == int.from_bytes(raw, "little")


def test_binary128_keeps_sign_exponent_and_fraction() -> None:
    """Known encodings of IEEE's binary128."""
    assert values.quad(1.0) == 0x3FFF << 112
    assert values.quad(-2.0) == 0xC000 << 112
    assert values.quad(1.5) == 0x3FFF << 112 | 1 << 111


def test_real_numbers_fit_float() -> None:
    """The random numbers are the same as ``float`` and as ``double``, so that any of C's types holds them."""
    rng = values.rng_of("real")
    for _ in range(200):
        value = values.real(rng)
        assert struct.unpack("<f", struct.pack("<f", value))[0] == value


INT = Base("int", 4, Encoding.SIGNED)
TYPES = Types(
    {
        1: INT,
        2: SourceRecord("base", 4, RecordKind.STRUCT, (Field("b", 1, 0),)),
        3: SourceRecord("", 8, RecordKind.UNION, (Field("u", 1, 32),)),
        4: SourceRecord(
            "t", 24, RecordKind.STRUCT, (Field("base", 2, 0, base=True), Field("", 3, 64), Field("w", 5, 160))
        ),
        5: SourceRecord("wrapper", 4, RecordKind.STRUCT, (Field("only", 6, 0),)),
        6: SourceRecord("bits", 4, RecordKind.STRUCT, (Field("f", 1, 3, 5),)),
        7: SourceArray(4, 3, 24),
        8: SourceRecord(
            "e",
            8,
            RecordKind.STRUCT,
            (),
            discriminant=Field("", 1, 0),
            variants=(Variant(Field("A", 5, 32), (0,)), Variant(Field("B", 5, 0))),
        ),
    }
)


@pytest.mark.parametrize(
    ("root", "path", "leaf"),
    [
        (4, ("b",), Leaf(0, 32)),
        (4, ("u",), Leaf(96, 32)),
        (4, ("~f",), Leaf(163, 5)),
        (4, ("w",), Leaf(163, 5)),
        (7, (2, "u"), Leaf(480, 32)),
        (8, ("<A>",), Leaf(35, 5)),
    ],
)
def test_leaves_are_found_in_types(root: int, path: tuple[str | int, ...], leaf: Leaf) -> None:
    """Members are found in bases, anonymous members, wrappers, arrays and variants."""
    assert find_leaf(TYPES, root, path) == leaf


def test_what_types_dont_have_is_said() -> None:
    """A member that the types lack is an error of its own, so that it isn't taken for a refusal."""
    with pytest.raises(NoSuchPathError, match="no other in t"):
        find_leaf(TYPES, 4, ("other",))
