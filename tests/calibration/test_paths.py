"""Names in expressions become the registers and memory that hold their values."""

from __future__ import annotations

import attrs
import pytest

from tracekit.calibration.paths import Resolver, check_paths
from tracekit.core.arch import AARCH64, X86_64, Architecture
from tracekit.core.calibration import Argument, Calibration, Known
from tracekit.core.location import Behind, InRegister, InVector, InX87, Location, OnStack, Piece
from tracekit.core.signature import Language
from tracekit.core.source import (
    VOID,
    Alias,
    Array,
    Base,
    Encoding,
    Enumeration,
    Field,
    Pointer,
    PointerKind,
    Record,
    RecordKind,
    SourceType,
    Types,
)
from tracekit.core.verdict import Verdict
from tracekit.errors import UnresolvedError
from tracekit.syntax import parse_expression, print_expression

STRUCT = RecordKind.STRUCT


def signed(size: int) -> Base:
    return Base(f"int{8 * size}_t", size, Encoding.SIGNED)


def unsigned(size: int) -> Base:
    return Base(f"uint{8 * size}_t", size, Encoding.UNSIGNED)


# Each type by a name of ours; numbers are made of the names' order.
_TYPES: dict[str, SourceType] = {
    "i8": signed(1), "i32": signed(4), "i64": signed(8), "i128": signed(16),
    "u8": unsigned(1), "u16": unsigned(2), "u64": unsigned(8),
    "char": Base("char", 1, Encoding.SIGNED),
    "float": Base("float", 4, Encoding.FLOAT), "double": Base("double", 8, Encoding.FLOAT),
    "long double": Base("long double", 16, Encoding.FLOAT),
    "complex": Base("complex double", 16, Encoding.COMPLEX),
}  # fmt: skip


def _numbers() -> dict[str, int]:
    names = [
        *_TYPES, "bytes", "view", "header", "request", "*request", "&i32", "void*", "pair", "kind", "size_t",
        "name",
        "go string", "*go string", "std string", "_Vector_data", "_Vector_impl", "vector", "i32*", "char*",
        "unique", "levels", "bits", "anonymous", "unknown", "*unknown", "vtable", "derived", "*derived",
    ]  # fmt: skip
    return {name: number for number, name in enumerate(names, 1)}


N = _numbers()
TYPES = Types(
    {
        **{N[name]: type_ for name, type_ in _TYPES.items()},
        N["bytes"]: Pointer(N["u8"]),
        N["view"]: Record("view", 16, STRUCT, (Field("data", N["bytes"], 0), Field("len", N["size_t"], 64))),
        N["size_t"]: Alias("size_t", N["u64"]),
        N["kind"]: Enumeration("kind", 4, True, {0: "GET", 3: "PUT", -2: "ns::DROP"}),
        N["name"]: Array(N["char"], 12, 1),
        N["levels"]: Array(N["i32"], 5, 4),
        N["bits"]: Record(
            "bits",
            4,
            STRUCT,
            (Field("low", N["i32"], 0, 3), Field("mid", N["i32"], 3, 7), Field("high", N["u8"], 24)),
        ),
        N["anonymous"]: Record("", 8, STRUCT, (Field("x", N["i32"], 0), Field("y", N["i32"], 32))),
        N["header"]: Record(
            "header",
            32,
            STRUCT,
            (
                Field("version", N["u16"], 0),
                Field("delta", N["i32"], 17, 7),
                Field("kind", N["kind"], 32),
                Field("", N["anonymous"], 64),
                Field("levels", N["levels"], 128),
            ),
        ),
        N["request"]: Record(
            "request",
            64,
            STRUCT,
            (
                Field("next", N["*request"], 0),
                Field("hdr", N["header"], 64),
                Field("name", N["name"], 320),
                Field("body", N["view"], 448),
            ),
        ),
        N["*request"]: Pointer(N["request"]),
        N["&i32"]: Pointer(N["i32"], PointerKind.REFERENCE),
        N["void*"]: Pointer(VOID),
        N["i32*"]: Pointer(N["i32"]),
        N["char*"]: Pointer(N["char"]),
        N["pair"]: Record("pair", 8, STRUCT, (Field("first", N["i32"], 0), Field("second", N["u16"], 32))),
        N["go string"]: Record("string", 16, STRUCT, (Field("str", N["bytes"], 0), Field("len", N["i64"], 64))),
        N["*go string"]: Pointer(N["go string"]),
        N["_Vector_data"]: Record(
            "_Vector_impl_data",
            24,
            STRUCT,
            (
                Field("_M_start", N["i32*"], 0),
                Field("_M_finish", N["i32*"], 64),
                Field("_M_end_of_storage", N["i32*"], 128),
            ),
        ),
        N["_Vector_impl"]: Record(
            "_Vector_impl", 24, STRUCT, (Field("_Vector_impl_data", N["_Vector_data"], 0, base=True),)
        ),
        N["vector"]: Record("std::vector<int>", 24, STRUCT, (Field("_M_impl", N["_Vector_impl"], 0),)),
        N["unique"]: Record("std::unique_ptr<request>", 8, STRUCT, (Field("_M_t", N["*request"], 0),)),
        N["*unknown"]: Pointer(N["unknown"]),
        N["derived"]: Record(
            "derived",
            24,
            RecordKind.CLASS,
            (Field("pair", N["pair"], 64, base=True), Field("own", N["i64"], 128)),
        ),
        N["*derived"]: Pointer(N["derived"]),
    }
)


def argument(name: str, type_: str, *places: Location, verdict: Verdict = Verdict.HIGH) -> Argument:
    """An argument whose words of 8 bytes are at some places; one in memory is there as a whole."""
    size = TYPES.size(N[type_])
    known = []
    for n, place in enumerate(places):
        step = size if isinstance(place, Behind | OnStack) and len(places) == 1 else min(8, size - 8 * n)
        known.append(Known(Piece(8 * n, step, place), verdict, ("said so",)))
    return Argument(name, N[type_], tuple(known))


def resolver(
    *arguments: Argument, language: Language = Language.C, arch: Architecture = X86_64, **more: object
) -> Resolver:
    at_return = bool(more.get("at_return"))
    calibration = Calibration(
        "id", arch.name, "f", 0, "f", language, TYPES,
        arguments=() if at_return else arguments,
        results=arguments if at_return else (),
    )  # fmt: skip
    return Resolver(calibration, arch, **more)  # type: ignore[arg-type]


C_ARGUMENTS = (
    argument("key", "bytes", InRegister("rdi")),
    argument("value", "view", InRegister("rsi"), InRegister("rdx")),
    argument("req", "*request", InRegister("rcx")),
    argument("pair", "pair", InRegister("r8")),
    argument("small", "i8", InRegister("r9")),
    argument("late", "view", OnStack(8)),
    argument("more", "i32", OnStack(24)),
    argument("ratio", "double", InVector("xmm0")),
    argument("third", "float", InVector("xmm1", 4)),
    argument("hidden", "request", Behind(InRegister("rbx"))),
    argument("split", "view", InRegister("r9"), OnStack(32)),
    argument("kind", "kind", InRegister("r10")),
    argument("ref", "&i32", InRegister("r11")),
    argument("raw", "void*", InRegister("r12")),
    argument("wide", "i128", InRegister("r13"), InRegister("r14")),
    argument("bits", "bits", InRegister("r15")),
    argument("z", "complex", InVector("xmm2"), InVector("xmm3")),
    argument("text", "char*", InRegister("rax")),
    argument("lost", "*unknown", InRegister("rax")),
    argument("unique", "unique", InRegister("rax")),
    argument("vec", "vector", Behind(InRegister("rax"))),
    argument("levels", "levels", Behind(InRegister("rax"))),
    argument("packed", "levels", InRegister("r8"), InRegister("r9"), InRegister("r10")),
    argument("x87", "long double", InX87(0)),
)


@pytest.mark.parametrize(
    ("path", "located"),
    [
        ("value.len", "(uint64)arg2"),
        ("value.data", "(uint64)arg1"),
        ("value.len / 2 + 1", "(uint64)arg2 / 2 + 1"),
        ("(int32)value.len", "(int32)arg2"),
        ("*key", "*(uint8*)(uint64)arg0"),
        ("key[3]", "*(uint8*)((uint64)arg0 + 3)"),
        ("key[small]", "*(uint8*)((uint64)arg0 + (int64)(int8)arg5 * 1)"),
        ("small", "(int8)arg5"),
        ("pair.first", "(int32)arg4"),
        ("pair.second", "(uint16)((uint64)arg4 >> 32)"),
        ("req->hdr.version", "*(uint16*)((uint64)arg3 + 8)"),
        ("req->hdr.delta", "(int64)((uint64)*(uint8*)((uint64)arg3 + 10) << 56) >> 57"),
        ("req->hdr.y", "*(int32*)((uint64)arg3 + 20)"),
        ("req->hdr.levels[2]", "*(int32*)((uint64)arg3 + 32)"),
        ("req->next->hdr.kind", "*(int32*)(*(uint64*)(uint64)arg3 + 12)"),
        ("req->body.data[1]", "*(uint8*)(*(uint64*)((uint64)arg3 + 56) + 1)"),
        ("late.len", '*(uint64*)(reg("rsp") + 16)'),
        ("more", '*(int32*)(reg("rsp") + 24)'),
        ("hidden.hdr.x", '*(int32*)(reg("rbx") + 16)'),
        ("split.len", '*(uint64*)(reg("rsp") + 32)'),
        ("kind == PUT", '(int32)reg("r10") == 3'),
        ("kind == DROP", '(int32)reg("r10") == -2'),
        ("ref", '*(int32*)reg("r11")'),
        ("(uint64)wide", 'reg("r13")'),
        ("bits.low", '(int64)((uint64)(uint8)reg("r15") << 61) >> 61'),
        ("bits.mid", '(int64)((uint64)(uint16)reg("r15") << 54) >> 57'),
        ("bits.high", '(uint8)(reg("r15") >> 24)'),
        ("unique->body.len", '*(uint64*)(reg("rax") + 64)'),
        ("vec.size()", '(*(uint64*)(reg("rax") + 8) - *(uint64*)reg("rax")) / 4'),
        ("vec[2]", '*(int32*)(*(uint64*)reg("rax") + 8)'),
        ("cap(vec)", '(*(uint64*)(reg("rax") + 16) - *(uint64*)reg("rax")) / 4'),
        ("levels[small]", '*(int32*)(reg("rax") + (int64)(int8)arg5 * 4)'),
        ("len(levels)", "5"),
        ("packed[3]", '(int32)((uint64)arg5 >> 32)'),
        ("ratio * 1000", 'float64(reg("xmm0")) * 1000'),
        ("third", 'float32(reg("xmm1") >> 32)'),
        ("z.imag", 'float64(reg("xmm3"))'),
        ("str(text)", 'str(reg("rax"))'),
        ("str(text, 16)", 'str(reg("rax"), 16)'),
        ("str(req->name)", "str((uint64)arg3 + 40, 13)"),
        ("str(req->name, 5)", "str((uint64)arg3 + 40, 5)"),
        ("str(key, value.len)", "str((uint64)arg0, (uint64)arg2)"),
        ('str(text) == "a" && pid == 3', 'str(reg("rax")) == "a" && pid == 3'),
        ("arg2 + 1", "arg2 + 1"),
    ],
)  # fmt: skip
def test_paths_in_c(path: str, located: str) -> None:
    """Members, pointers, elements, bit-fields, unions and strings, from registers, the stack and memory."""
    found = resolver(*C_ARGUMENTS).located(parse_expression(path))
    assert print_expression(found) == located


@pytest.mark.parametrize(
    ("path", "message", "hint"),
    [
        ("valu.len", "f has no argument 'valu'", "Did you mean value?"),
        ("value.lenn", "value (view) has no member 'lenn'", "Did you mean len?"),
        ("value", "value is view, not a number", "Name one of its fields: data, len."),
        ("value->len", "value is view, not a pointer", "A member of it stands after a dot."),
        ("small.len", "small is int8_t, which has no members", ""),
        ("small[0]", "small is int8_t, which has no elements", ""),
        ("*small", "small is int8_t, not a pointer", ""),
        ("*raw", "what it points at is not known", "Say what is there: *(uint32 *)(raw + 8)."),
        ("lost->x", "what it points at is not known", ""),
        ("wide", "128 bits; engines compute with 64", "Take its low half: (uint64)wide."),
        ("x87", "long double of 128 bits, which no engine reads", ""),
        ("z", "z is a complex double", "Name z.real or z.imag."),
        ("packed[small]", "packed is in registers, where an element's place", "Use a constant"),
        ("packed[9]", "packed has 5 elements, from packed[0] to packed[4]", ""),
        ("req->name", "req->name is an array, not a number", "Name an element: req->name[0]."),
        ("len(small)", "small is int8_t, which has no length that is known", ""),
        ("str(vec)", "vec has elements of 4 bytes: it is no string", ""),
        ("*(arg0 + 1)", "arg0 + 1 is a number without a type", ""),
        ("retval.len", "retval is known only at a return", "Use uretprobe:BINARY:FUNCTION."),
    ],
)
def test_paths_that_mean_nothing(path: str, message: str, hint: str) -> None:
    """Each is refused with one sentence and, where there is a way out, with that."""

    def resolve() -> None:
        check_paths(parse_expression(path))
        resolver(*C_ARGUMENTS).located(parse_expression(path))

    with pytest.raises(UnresolvedError) as caught:
        resolve()
    assert message in caught.value.message
    assert hint in caught.value.hint


GO_ARGUMENTS = (
    argument("value", "go string", InRegister("rax"), InRegister("rbx")),
    argument("far", "*go string", InRegister("rcx")),
    argument("plain", "i64", InRegister("rdi")),
)


@pytest.mark.parametrize(
    ("path", "located"),
    [
        ("len(value)", '(int64)reg("rbx")'),
        ("value.len", '(int64)reg("rbx")'),
        ("plain", '(int64)reg("rdi")'),
        ("len(far)", '*(int64*)(reg("rcx") + 8)'),
        ("far.len", '*(int64*)(reg("rcx") + 8)'),
        ("str(value)", 'str(reg("rax"), reg("rbx"))'),
        ("str(far)", 'str(*(uint64*)reg("rcx"), *(uint64*)(reg("rcx") + 8))'),
        ("value[1]", '*(uint8*)(reg("rax") + 1)'),
    ],
)
def test_paths_in_go(path: str, located: str) -> None:
    """Registers stay registers, as argN counts C's; pointers are followed by a dot."""
    found = resolver(*GO_ARGUMENTS, language=Language.GO).located(parse_expression(path))
    assert print_expression(found) == located


def test_a_counted_string_can_be_cut() -> None:
    """str(s, n) keeps n - 1 bytes of a string that has a length of its own, and no more than that has."""
    found = resolver(*GO_ARGUMENTS, language=Language.GO).located(parse_expression("str(value, 9)"))
    assert print_expression(found) == 'str(reg("rax"), reg("rbx") < 8 ? reg("rbx") : 8)'


def test_arm64() -> None:
    """Its registers and its stack, which has no return address on it."""
    arguments = (
        argument("value", "view", InRegister("x1"), InRegister("x2")),
        argument("late", "i32", OnStack(8)),
    )
    found = resolver(*arguments, arch=AARCH64)
    assert print_expression(found.located(parse_expression("value.len"))) == "(uint64)arg2"
    assert print_expression(found.located(parse_expression("late"))) == '*(int32*)(reg("sp") + 8)'


def test_methods_know_the_members_of_their_object() -> None:
    """In C++ a member's name alone means this->member, inherited ones too; arguments come first."""
    this = attrs.evolve(argument("this", "*derived", InRegister("rdi")), artificial=True)
    found = resolver(this, argument("own", "i32", InRegister("rsi")), language=Language.CXX)
    assert print_expression(found.located(parse_expression("first"))) == "*(int32*)((uint64)arg0 + 8)"
    assert print_expression(found.located(parse_expression("own"))) == "(int32)arg1"
    assert print_expression(found.located(parse_expression("this->own"))) == "*(int64*)((uint64)arg0 + 16)"


def test_results() -> None:
    """At a return retval has members, Go's results have names, and arguments are refused."""
    one = resolver(argument("", "view", InRegister("rax"), InRegister("rdx")), at_return=True)
    assert print_expression(one.located(parse_expression("retval.len"))) == 'reg("rdx")'
    several = resolver(
        argument("n", "i64", InRegister("rax")), argument("err", "view", InRegister("rbx"), InRegister("rcx")),
        at_return=True, language=Language.GO,
    )  # fmt: skip
    assert print_expression(several.located(parse_expression("n"))) == '(int64)reg("rax")'
    assert print_expression(several.located(parse_expression("retval[1].len"))) == 'reg("rcx")'
    with pytest.raises(UnresolvedError, match="has no result 'x'"):
        several.located(parse_expression("x"))


def test_a_float_that_is_returned_is_in_its_own_register() -> None:
    """``retval`` alone is a float where the source says so, and else stays what every function has."""
    found = resolver(argument("", "double", InVector("xmm0")), at_return=True)
    assert print_expression(found.located(parse_expression("retval * 1000"))) == 'float64(reg("xmm0")) * 1000'
    found = resolver(argument("", "i32", InRegister("rax")), at_return=True)
    assert print_expression(found.located(parse_expression("retval"))) == "retval"


def test_results_on_the_stack_are_found_after_the_return() -> None:
    """The kernel's return probe fires when the return address is gone from the stack."""
    found = resolver(argument("", "view", OnStack(8)), at_return=True, return_shift=8)
    assert print_expression(found.located(parse_expression("retval.len"))) == '*(uint64*)(reg("rsp") + 8)'


def test_what_names_were_taken_for_is_told() -> None:
    """Each name has its type, place, verdict and evidence; the worst place counts."""
    found = resolver(
        argument("value", "view", InRegister("rsi"), InRegister("rdx")),
        argument("req", "*request", InRegister("rcx"), verdict=Verdict.GOOD),
    )
    found.located(parse_expression("value.len + req->hdr.version"))
    value, req = found.resolutions["value.len"], found.resolutions["req->hdr.version"]
    assert (value.type, value.location, value.verdict) == ("size_t", "rdx (arg2)", Verdict.HIGH)
    assert (req.type, req.location, req.verdict) == ("uint16_t", "memory behind rcx (arg3)", Verdict.GOOD)
    assert value.evidence == ("said so",)


def test_what_is_required_is_required() -> None:
    """A place that is known less well is refused, with what is known and the way to know more."""
    weak = argument("value", "view", InRegister("rsi"), InRegister("rdx"), verdict=Verdict.GOOD)
    with pytest.raises(UnresolvedError, match="only known as good, and verified is required") as caught:
        resolver(weak, require=Verdict.VERIFIED).located(parse_expression("value.len"))
    assert "tracekit calibrate" in caught.value.hint


def test_labels_of_enumerations() -> None:
    """A key that is an enumeration has the names of its values."""
    found = resolver(*C_ARGUMENTS)
    assert found.labels(parse_expression("req->hdr.kind"))[3] == "PUT"
    assert found.labels(parse_expression("kind"))[-2] == "ns::DROP"
    assert found.labels(parse_expression("kind + 1")) == {}
    assert found.labels(parse_expression("small")) == {}


def test_a_refused_argument_says_why() -> None:
    """The reason and the remedy of the calibration are the error's."""
    refused = Argument("value", N["view"], reason="it isn't passed", remedy="Do that.")
    with pytest.raises(UnresolvedError, match="it isn't passed") as caught:
        resolver(refused).located(parse_expression("value.len"))
    assert caught.value.hint == "Do that."
