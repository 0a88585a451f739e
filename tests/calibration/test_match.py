"""What samples confirm, contradict and find; the hits are built here, so that each case is plain."""

import attrs
import pytest

from tracekit.calibration.expect import Expectation
from tracekit.calibration.match import confirm
from tracekit.calibration.samples import Hit, Samples
from tracekit.core.calibration import Argument, Calibration, Known
from tracekit.core.location import Behind, InRegister, InVector, OnStack, Piece
from tracekit.core.signature import Language
from tracekit.core.source import Array, Base, Encoding, Field, Pointer, Record, RecordKind, Types
from tracekit.core.verdict import Verdict
from tracekit.errors import UsageError

CHAR, LONG, INT, DOUBLE, POINTER, VALUE, PAIR, FLAGS, UNION = range(1, 10)
TYPES = Types(
    {
        CHAR: Base("char", 1, Encoding.SIGNED),
        LONG: Base("unsigned long", 8, Encoding.UNSIGNED),
        INT: Base("int", 4, Encoding.SIGNED),
        DOUBLE: Base("double", 8, Encoding.FLOAT),
        POINTER: Pointer(CHAR),
        VALUE: Record("value", 16, RecordKind.STRUCT, (Field("data", POINTER, 0), Field("len", LONG, 64))),
        PAIR: Record("pair", 8, RecordKind.STRUCT, (Field("a", INT, 0), Field("b", INT, 32))),
        FLAGS: Record("flags", 4, RecordKind.STRUCT, (Field("low", INT, 0, 3), Field("high", INT, 3, 5))),
        UNION: Record("u", 8, RecordKind.UNION, (Field("n", LONG, 0), Field("x", DOUBLE, 0))),
    }
)
REGISTERS = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11")


def hits(after=None, vectors=None, stack=None, **columns):
    """Entries with some registers given; the others have numbers that no test expects."""
    count = len(next(iter((columns or vectors or stack).values())))
    found = []
    for index in range(count):
        noise = {name: 0x7FFF_0000_0000 + 4096 * n + index for n, name in enumerate(REGISTERS)}
        found.append(
            Hit(
                registers=noise | {name: values[index] for name, values in columns.items()},
                vectors={name: values[index] for name, values in (vectors or {}).items()},
                stack=b"".join(v[index].to_bytes(8, "little") for v in (stack or {}).values()),
                after={name: values[index] for name, values in (after or {}).items()},
            )
        )
    return Samples(tuple(found), "13.1")


def known(offset, size, location, verdict=Verdict.GOOD):
    return Known(Piece(offset, size, location), verdict, ("the convention puts it there",))


def calibration(*arguments, language=Language.C, types=TYPES):
    return Calibration(
        "id", "x86_64", "insert", 4096, "insert", language, types if arguments else Types(), arguments
    )


def expect(name, *values):
    return Expectation(name, frozenset(values))


VALUE_ARGUMENT = Argument(
    "value", VALUE, (known(0, 8, InRegister("rdi")), known(8, 8, InRegister("rsi"), Verdict.HIGH))
)


def le(number, size=8):
    return (number & (1 << 8 * size) - 1).to_bytes(size, "little")


def test_confirmed_after_the_prologue():
    """Where gdb reads what the register had, entry by entry, each part becomes verified, with the count."""
    samples = hits(
        rdi=[0x1000, 0x1000, 0x2000],
        rsi=[5, 6, 7],
        after={"value": [le(0x1000) + le(5), le(0x1000) + le(6), le(0x2000) + le(7)]},
    )
    found = confirm(calibration(VALUE_ARGUMENT), samples)
    assert [k.verdict for k in found.arguments[0].known] == [Verdict.VERIFIED, Verdict.VERIFIED]
    assert found.arguments[0].known[1].evidence == (
        "the convention puts it there",
        "value.len = rsi (arg1): 3 of 3 hits, 3 distinct values, as gdb reads it after the prologue",
    )
    assert found.tools == ("gdb 13.1",)


def test_constant_data_confirms_nothing():
    """A value that is always the same keeps its verdict, also a telling one; the evidence says why."""
    samples = hits(rdi=[1, 2], rsi=[777, 777], after={"value": [le(1) + le(777), le(2) + le(777)]})
    data, length = confirm(calibration(VALUE_ARGUMENT), samples).arguments[0].known
    assert (data.verdict, length.verdict) == (Verdict.VERIFIED, Verdict.HIGH)
    assert length.evidence[-1].endswith(
        "2 of 2 hits, always 777, as gdb reads it after the prologue: not enough variety"
    )


def test_contradicted_after_the_prologue():
    """One entry at which gdb reads something else refuses the whole argument, with both readings."""
    samples = hits(rdi=[1, 2], rsi=[5, 6], after={"value": [le(1) + le(5), le(2) + le(99)]})
    argument = confirm(calibration(VALUE_ARGUMENT), samples).arguments[0]
    assert argument.verdict is Verdict.REFUSED
    assert argument.reason == (
        "what a run showed contradicts where it should be: value.len is 99 after the prologue as gdb reads it, "
        "but rsi (arg1) had 6 at the entry"
    )
    assert argument.remedy


@pytest.mark.parametrize(
    ("values", "wanted", "verdict"),
    [
        ([512, 512], [512], Verdict.VERIFIED),
        ([512, 640], [512, 640, 768], Verdict.VERIFIED),
        ([3, 3], [3], Verdict.HIGH),
        ([3, 2], [2, 3], Verdict.VERIFIED),
        ([512, 513], [512], Verdict.REFUSED),
    ],
)
def test_expected_values(values, wanted, verdict):
    """A value that a user expects verifies if it varies or is a rare one; others refuse the argument."""
    samples = hits(rdi=[0x1000] * 2, rsi=values)
    found = confirm(calibration(VALUE_ARGUMENT), samples, [expect("value.len", *wanted)]).arguments[0]
    assert (found.known[1].verdict if found.known else found.verdict) is verdict
    if verdict is Verdict.REFUSED:
        assert found.reason.endswith("value.len=512 is expected, but rsi (arg1) had 513")


def test_expected_range_and_several_of_a_name():
    """A range includes both ends; several expectations of a name mean any of them."""
    samples = hits(rdi=[0x1000] * 3, rsi=[10, 20, 500])
    ranges = [Expectation("value.len", range(10, 21)), expect("value.len", 500)]
    assert (
        confirm(calibration(VALUE_ARGUMENT), samples, ranges).arguments[0].known[1].verdict is Verdict.VERIFIED
    )
    found = confirm(calibration(VALUE_ARGUMENT), samples, ranges[:1]).arguments[0]
    assert found.verdict is Verdict.REFUSED


def test_expected_value_in_two_registers():
    """A value that another register of an argument has at each entry too verifies nothing, and that is said."""
    samples = hits(rdi=[0x1000] * 2, rsi=[512, 640], rcx=[640, 512])
    length = (
        confirm(calibration(VALUE_ARGUMENT), samples, [expect("value.len", 512, 640)]).arguments[0].known[1]
    )
    assert length.verdict is Verdict.HIGH
    assert length.evidence[-1].endswith("but rcx matched as well")


def test_signed_values():
    """A signed number is compared with its sign, and from the low bytes of its register only."""
    argument = Argument("key", INT, (known(0, 4, InRegister("rdx")),))
    samples = hits(rdx=[0xDEAD_0000_FFFF_FFF9, 0xFFFF_FFF8])
    found = confirm(calibration(argument), samples, [expect("key", -7, -8)]).arguments[0]
    assert found.verdict is Verdict.VERIFIED


def test_places_that_are_no_registers():
    """A word of the stack, a vector register and memory behind a pointer are confirmed like any place."""
    arguments = (
        Argument("s", LONG, (known(0, 8, OnStack(8)),)),
        Argument("x", DOUBLE, (known(0, 8, InVector("xmm0")),)),
        Argument("r", PAIR, (known(0, 8, Behind(InRegister("rdi"), 8)),)),
    )
    samples = hits(
        rdi=[0x5000, 0x5000],
        stack={"return": [1, 1], "s": [40, 50]},
        vectors={"xmm0": [bytes.fromhex("000000000000f03f") + bytes(8), bytes(16)]},
        after={
            "s": [le(40), le(50)],
            "x": [bytes.fromhex("000000000000f03f"), bytes(8)],
            "r": [le(1, 4) + le(2, 4), le(3, 4) + le(4, 4)],
        },
    )
    memory = (le(0) + le(1, 4) + le(2, 4), le(0) + le(3, 4) + le(4, 4))
    seen = tuple(attrs.evolve(h, memory={"rdi": m}) for h, m in zip(samples.hits, memory, strict=True))
    found = confirm(calibration(*arguments), attrs.evolve(samples, hits=seen))
    assert [a.verdict for a in found.arguments] == [Verdict.VERIFIED] * 3


def test_parts_of_one_register():
    """Of two numbers in one register, the one that is confirmed becomes a part of its own."""
    argument = Argument("p", PAIR, (known(0, 8, InRegister("rdi")),))
    samples = hits(rdi=[0x0000_0001_0000_0064, 0x0000_0001_0000_00C8])
    found = confirm(calibration(argument), samples, [expect("p.a", 100, 200)]).arguments[0]
    assert [(k.piece, k.verdict) for k in found.known] == [
        (Piece(0, 4, InRegister("rdi")), Verdict.VERIFIED),
        (Piece(4, 4, InRegister("rdi", 4)), Verdict.GOOD),
    ]


def test_bit_fields():
    """Bit-fields are compared bit by bit; what lies beside them doesn't count."""
    argument = Argument("f", FLAGS, (known(0, 4, InRegister("rdi")),))
    samples = hits(rdi=[0xFFFFFF00 | 11 << 3 | 2, 0x00000000 | 12 << 3 | 1])
    found = confirm(calibration(argument), samples, [expect("f.low", 2, 1), expect("f.high", 11, 12)])
    assert found.arguments[0].verdict is Verdict.VERIFIED
    wrong = confirm(calibration(argument), samples, [expect("f.high", 11)])
    assert wrong.arguments[0].reason.endswith("f.high=11 is expected, but the low byte of rdi (arg0) had 12")


def test_union():
    """A member that fills a union speaks for the union's place."""
    argument = Argument("u", UNION, (known(0, 8, InRegister("rdi")),))
    samples = hits(rdi=[600, 700])
    found = confirm(calibration(argument), samples, [expect("u.n", 600, 700)]).arguments[0]
    assert found.verdict is Verdict.VERIFIED


def test_refused_argument_is_found():
    """An argument whose place isn't known gets the register that alone has what is expected."""
    argument = Argument("value", VALUE, (), "the compiler may have changed how it is called", "Calibrate it.")
    samples = hits(rdx=[512, 640, 512])
    found = confirm(calibration(argument), samples, [expect("value.len", 512, 640)]).arguments[0]
    assert [k.piece for k in found.known] == [Piece(8, 8, InRegister("rdx"))]
    assert found.verdict is Verdict.VERIFIED
    assert found.reason == ""
    (sentence,) = found.known[0].evidence
    assert sentence == (
        "value.len = rdx (arg2): 3 of 3 hits, 2 distinct values, as value.len=512..640 (2 values) says; "
        "no other register matched"
    )


def test_refused_argument_is_found_after_the_prologue():
    """So does one whose values gdb reads after the prologue: these are compared entry by entry."""
    argument = Argument("key", INT, (), "not known", "")
    samples = hits(rdx=[5, 6, 7], rcx=[7, 6, 5], after={"key": [le(5, 4), le(6, 4), le(7, 4)]})
    found = confirm(calibration(argument), samples).arguments[0]
    assert [k.piece for k in found.known] == [Piece(0, 4, InRegister("rdx"))]


def test_stack_is_never_chosen():
    """What is expected and found on the stack only stays refused: callers keep copies there."""
    argument = Argument("key", LONG, (), "not known", "")
    samples = hits(stack={"return": [1, 1], "key": [600, 700]})
    found = confirm(calibration(argument), samples, [expect("key", 600, 700)]).arguments[0]
    assert found.verdict is Verdict.REFUSED
    assert found.reason == "not known; no register of an argument matched what key was"


def test_without_debug_information():
    """A name of which nothing is known gets the register that alone has the expected values."""
    samples = hits(rsi=[0x5000, 0x6000], rdx=[512, 640])
    found = confirm(calibration(), samples, [expect("x", 512, 640)])
    argument = found.argument("x")
    assert argument.verdict is Verdict.VERIFIED
    assert [k.piece for k in argument.known] == [Piece(0, 8, InRegister("rdx"))]
    assert found.types.spelled(argument.type) == "uint64_t"


def test_without_debug_information_in_half_a_register():
    """A number of 32 bits is found below garbage, and with its sign."""
    samples = hits(rdx=[0xAAAA_0000_FFFF_FFF9, 0xBBBB_0000_0000_0200])
    found = confirm(calibration(), samples, [expect("x", -7, 512)])
    argument = found.argument("x")
    assert [k.piece for k in argument.known] == [Piece(0, 4, InRegister("rdx"))]
    assert found.types.spelled(argument.type) == "int32_t"


def test_without_debug_information_ambiguous():
    """Two registers that match are both named, and neither is taken."""
    samples = hits(rdx=[512, 640], r8=[512, 640])
    argument = confirm(calibration(), samples, [expect("x", 512, 640)]).argument("x")
    assert argument.verdict is Verdict.REFUSED
    assert argument.reason == "rdx, r8 all had x=512..640 (2 values) at 2 of 2 hits"
    assert "more varied data" in argument.remedy


def test_without_debug_information_too_weak():
    """A value as common as 1 in a single register is not believed."""
    samples = hits(rdx=[1, 1])
    argument = confirm(calibration(), samples, [expect("x", 1)]).argument("x")
    assert argument.verdict is Verdict.REFUSED
    assert "not enough variety" in argument.reason


def test_without_debug_information_nothing_matches():
    """An expectation that no register meets is refused, and so is a function that was never entered."""
    found = confirm(calibration(), hits(rdx=[1, 2]), [expect("x", 512)]).argument("x")
    assert found.reason == "no register of an argument had x=512 at 2 of 2 hits"
    found = confirm(calibration(), Samples(()), [expect("x", 512)]).argument("x")
    assert found.reason == "the function was not entered"


def test_go_registers():
    """In Go, the registers of Go's convention are the candidates, and have no number of C's."""
    samples = hits(rbx=[512, 640])
    argument = confirm(calibration(language=Language.GO), samples, [expect("x", 512, 640)]).argument("x")
    assert argument.known[0].piece.location == InRegister("rbx")
    assert argument.known[0].evidence[0].startswith("x = rbx: 2 of 2 hits")


def test_go_enters_twice():
    """Values are compared as sets: an entry that comes twice changes nothing."""
    samples = hits(rdi=[0x1000] * 4, rsi=[512, 512, 640, 512])
    found = confirm(calibration(VALUE_ARGUMENT), samples, [expect("value.len", 512, 640)])
    assert found.arguments[0].known[1].verdict is Verdict.VERIFIED


def test_unknown_name():
    """An expectation of what isn't there is a mistake of the user's, with what could be meant."""
    with pytest.raises(UsageError) as caught:
        confirm(calibration(VALUE_ARGUMENT), hits(rdi=[1]), [expect("value.length", 5)])
    assert caught.value.message == "insert has no number 'value.length' among its arguments"
    assert "value.len" in caught.value.hint


def test_no_hits():
    """Without a hit nothing changes."""
    before = calibration(VALUE_ARGUMENT)
    assert confirm(before, Samples(()), [expect("value.len", 5)]) == before


def test_arrays():
    """Elements have an index in their names."""
    types = Types(
        {**TYPES.table, 20: Array(INT, 2, 4), 21: Record("a", 8, RecordKind.STRUCT, (Field("v", 20, 0),))}
    )
    argument = Argument("a", 21, (known(0, 8, InRegister("rdi")),))
    samples = hits(rdi=[0x0000_0005_0000_0064, 0x0000_0006_0000_00C8])
    found = confirm(
        calibration(argument, types=types), samples, [expect("a.v[0]", 100, 200), expect("a.v[1]", 5, 6)]
    )
    assert found.arguments[0].verdict is Verdict.VERIFIED
    assert len(found.arguments[0].known) == 1
