"""Expressions as they are compiled, run by a machine of the tests, against the model of the language."""

from __future__ import annotations

import struct
from itertools import product
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.backends.bpf.machine import Machine
from tests.backends.bpf.user import User
from tests.generated import draw
from tests.generated.model import Call, World, _Reader

from tracekit.backends.bpf import instructions as code
from tracekit.backends.bpf.assembler import Assembler
from tracekit.backends.bpf.emit import COUNTERS, CTX, Emitter, Ids, Values
from tracekit.backends.bpf.instructions import Register
from tracekit.backends.bpf.layout import string_room
from tracekit.core.arch import AARCH64, X86_64
from tracekit.core.expr import (
    Arg,
    Binary,
    BinaryOp,
    Builtin,
    BuiltinName,
    Cast,
    Conditional,
    Expr,
    Int,
    Load,
    Name,
    Reg,
    Str,
    String,
    Unary,
)  # fmt: skip
from tracekit.core.types import INT64, INT_TYPES, UINT64
from tracekit.errors import UnsupportedError, UsageError

STACK, BLOCK, TEXT = 0x7FFF_0000, 0x1000_0000, 0x2000_0000
MEMORY = {
    BLOCK: bytes(range(120, 184)),
    TEXT: b"plain\0a text that is longer than what is kept of it\0caf\xc3\xa9\0\0" + b"x" * 200,
}
FAULTS = 8
"""Where in the counters' value faults are counted."""


def read(address: int, size: int) -> bytes:
    """Bytes of the memory that there is."""
    for start, content in MEMORY.items():
        if start <= address < start + len(content):
            return content[address - start : address - start + size]
    return b""


def world(call: Call, max_string: int = 64) -> World:
    """What the model is told."""
    numbers = {BuiltinName.PID: 77, BuiltinName.TID: 77, BuiltinName.CPU: 3}
    return World(numbers, b"target", max_string, lambda address, size: memory_of(call, address, size))


def memory_of(call: Call, address: int, size: int) -> bytes:
    """Bytes of a call's memory: what there is, and its arguments on the stack."""
    stack = struct.pack("<3Q", 0, *call.arguments[6:])
    if STACK <= address < STACK + len(stack):
        return stack[address - STACK : address - STACK + size]
    return read(address, size)


def registers(call: Call) -> bytes:
    """``struct pt_regs`` of x86-64 at a function's entry."""
    found = dict(zip(("di", "si", "dx", "cx", "r8", "r9"), call.arguments, strict=False)) | {"sp": STACK}
    order = (
        "r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di orig_ax ip cs flags sp ss"  # arch/x86/.../ptrace.h
    )
    return b"".join(struct.pack("<Q", found.get(name, 0)) for name in order.split())


def ran(call: Call, write: object, *, absent: bool = False, sleeps: bool = False) -> tuple[Machine, int]:
    """Run what a function writes with an emitter; the machine after it, and how many reads failed."""
    asm = Assembler()
    counted = Machine().allocate(bytes(16))

    def fault(asm: Assembler) -> None:
        asm.constant(Register.R1, 1)
        asm.add(code.atomic_add(COUNTERS, FAULTS, Register.R1))

    asm.move(CTX, Register.R1)
    asm.constant(COUNTERS, counted)
    write(Emitter(asm, Values(X86_64, fault=fault, sleeps=sleeps)))
    asm.add(code.leave())
    machine = Machine(User(lambda a, n: memory_of(call, a, n), absent=absent).helpers)
    machine.allocate(bytes(16))
    machine.run(asm.assemble().encode({}), registers(call))
    return machine, struct.unpack("<QQ", machine.read(counted, 16))[1]


arguments = st.one_of(
    st.integers(-20, 20).map(lambda n: n % 2**64),
    st.sampled_from([2**n + d for n in (7, 8, 15, 16, 31, 32, 63) for d in (-1, 0, 1)]),
    st.integers(0, 2**64 - 1),
)
calls = st.builds(
    lambda words, s, p, n: Call("event", (*words[:3], s, p, n, *words[3:]), 0),
    st.lists(arguments, min_size=5, max_size=5),
    st.sampled_from((TEXT, TEXT + 6, TEXT + 53, TEXT + 60, TEXT + 250, 0, 1)),
    st.sampled_from((BLOCK, BLOCK + 61, 0, 2**64 - 1)),
    st.integers(0, 80),
)
ONE = Call("event", (5, 2**64 - 5, 0, TEXT, BLOCK, 3, 6, 7), 0)
NAN = Call("event", (2**63, 2**64 - 1, 1, 0, 0, 0, 0, 0), 0)


def check(node: Expr, call: Call, *, absent: bool) -> None:
    """Compare a number, and the failed reads, with the model's."""
    model = _Reader(call, world(call))
    wanted = model.number(node)[0] % 2**64
    try:
        machine, faults = ran(call, lambda e: e.value(node), absent=absent, sleeps=absent)
    except UnsupportedError as error:
        known = "no NUL", "512 bytes"
        if not any(word in error.feature for word in known):
            raise
        return
    assert machine.registers[0] == wanted
    assert faults == model.faults


EDGES = (0, 1, 2**64 - 1, 7, 2**64 - 5, 63, 2**63 - 1, 2**63)
OPERATORS = [op for union in get_args(BinaryOp) for op in get_args(union)]


@pytest.mark.parametrize("op", OPERATORS)
def test_every_operator_at_every_edge(op: BinaryOp) -> None:
    """With signs and without, by a register as by a constant, each operator is C's."""
    for left, right in product(EDGES, EDGES):
        call = Call("event", (left, right, 0, 0, 0, 0, 0, 0), 0)
        check(Binary(op, Arg(0), Arg(1)), call, absent=False)
        check(Binary(op, Cast(UINT64, Arg(0)), Int(right)), call, absent=False)


@given(draw.numbers(most=30), calls, st.booleans())
@example(Binary("/", Arg(0), Arg(1)), NAN, False)
@example(Binary("%", Arg(0), Arg(1)), NAN, False)
@example(Binary("%", Arg(0), Arg(2)), ONE, False)
@example(Conditional(Int(1), Arg(0), Arg(1)), ONE, False)
@example(Binary("&&", Int(0), Load(UINT64, Int(0))), ONE, False)
@example(Load(INT_TYPES["int16"], Arg(4)), ONE, True)
def test_numbers_are_the_model_s(node: Expr, call: Call, absent: bool) -> None:
    """Whatever the expression, the arguments and the memory, the compiled number is C's, bit for bit.

    So is how often memory couldn't be read, with pages that must be waited for as without.
    """
    check(node, call, absent=absent)


@given(draw.numbers(most=12), calls, st.booleans())
def test_filters_are_the_model_s(node: Expr, call: Call, when: bool) -> None:
    """A jump is taken if, and only if, the number isn't 0; or is, if that was asked."""

    def write(emitter: Emitter) -> None:
        taken = emitter.asm.label("taken")
        emitter.branch(node, taken, when=when)
        emitter.asm.constant(Register.R0, 10)
        emitter.asm.add(code.leave())
        emitter.asm.place(taken)
        emitter.asm.constant(Register.R0, 20)

    wanted = bool(_Reader(call, world(call)).number(node)[0]) is when
    try:
        machine, _ = ran(call, write)
    except UnsupportedError:
        return
    assert machine.registers[0] == (20 if wanted else 10)


LIMITS = st.sampled_from((1, 4, 15, 16, 31, 63))


@given(draw.strings(st.just(Arg(4)), entry=True), calls, LIMITS, st.booleans())
def test_strings_are_the_model_s(node: Expr, call: Call, limit: int, absent: bool) -> None:
    """A string's bytes, whether there were more, and zeros behind: equal keys are equal bytes."""
    model = _Reader(call, world(call, limit + 1))
    found = model._string(node)
    assert found is not None
    text, cut = found
    sized = isinstance(node, Str) and node.size is not None
    size = string_room(limit) + (8 if sized else 0)

    def write(emitter: Emitter) -> None:
        with emitter.asm.room(size) as at:
            (emitter.strings.put_counted if sized else emitter.strings.put)(node, at, limit)
            emitter.asm.address(Register.R0, at)

    if isinstance(node, String | Builtin) and len(text) > limit:
        return
    machine, faults = ran(call, write, absent=absent, sleeps=absent)
    at = machine.registers[0]
    assert at is not None
    wanted = bytearray(text.ljust(size, b"\0"))
    wanted[limit] = cut
    if sized:
        wanted[-8:] = len(text).to_bytes(8, "little")
    assert machine.read(at, size) == wanted
    assert faults == model.faults


def test_ids_of_an_inner_pid_namespace() -> None:
    """There the kernel is asked for the ids of that namespace, by its device and inode."""
    asked = []

    def ids(m: Machine) -> int:
        asked.append((m.value(1), m.value(2), m.value(4)))
        m.write(m.value(3), struct.pack("<II", 8, 9))
        return 0

    for process, wanted in ((True, 9), (False, 8)):
        asm = Assembler()
        Emitter(asm, Values(X86_64, ids=Ids(4, 4026531836))).ids(process=process)
        asm.add(code.leave())
        assert Machine({120: ids}).run(asm.assemble().encode({})) == wanted
    assert asked == [(4, 4026531836, 8)] * 2


def test_registers_and_stack_arguments_of_arm64() -> None:
    """The eighth argument is the last in a register there, and the ninth is at the stack pointer."""
    names = [*(f"r{n}" for n in range(31)), "sp", "pc", "pstate"]
    context = b"".join(struct.pack("<Q", 0x3000 if name == "sp" else 100 + n) for n, name in enumerate(names))
    for node, wanted in ((Arg(7), 107), (Reg("x30"), 130), (Reg("pc"), 132), (Arg(8), 0x1122334455667788)):
        asm = Assembler()
        asm.move(CTX, Register.R1)
        Emitter(asm, Values(AARCH64)).value(node)
        asm.add(code.leave())
        user = User(
            lambda address, size: (0x1122334455667788).to_bytes(8, "little") if address == 0x3000 else b""
        )
        assert Machine(user.helpers).run(asm.assemble().encode({}), context) == wanted


@pytest.mark.parametrize(
    ("node", "error", "says"),
    [
        (Name("value"), UnsupportedError, "by name"),
        (Reg("x0"), UsageError, "x86_64 has no register 'x0'"),
        (Binary("==", Str(Arg(0), None, Arg(1)), Str(Arg(2))), UnsupportedError, "no NUL ends"),
        (Binary("==", Str(Arg(0)), String("x" * 64)), UsageError, "64 bytes; 63 are kept"),
    ],
    ids=str,
)
def test_what_can_not_be_is_refused(node: Expr, error: type[Exception], says: str) -> None:
    """Before anything runs, with the reason."""
    with pytest.raises(error, match=says):
        Emitter(Assembler(), Values(X86_64)).value(node)


def test_arguments_that_a_probe_does_not_have_are_refused() -> None:
    """A probe that tells its arguments has no others."""
    emitter = Emitter(Assembler(), Values(X86_64, arguments=(Reg("rdi"),)))
    emitter.value(Arg(0))
    with pytest.raises(UnsupportedError, match="known to have 1 arguments"):
        emitter.value(Arg(1))


def test_nesting_deeper_than_the_stack_is_refused() -> None:
    """An expression that keeps more than 512 bytes of what it has yet to use is refused, and says so."""
    node: Expr = Arg(0)
    for _ in range(70):
        node = Binary("+", Arg(0), Unary("-", Cast(INT64, node)))
    with pytest.raises(UnsupportedError, match="512 bytes"):
        Emitter(Assembler(), Values(X86_64)).value(node)
