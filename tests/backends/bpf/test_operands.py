"""A usdt note's operands: every form that compilers write, on both processors."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.backends.bpf.operands import operands
from tracekit.core.arch import AARCH64, X86_64, Architecture
from tracekit.core.expr import Binary, Cast, Expr, Int, Load, Reg
from tracekit.core.probe import Usdt
from tracekit.core.types import INT_TYPES, UINT64
from tracekit.errors import UnsupportedError, UsageError

PROBE = Usdt("./a", "provider", "name")
I8, U8, I16, U16, I32, U32, I64 = (
    INT_TYPES[n] for n in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64")
)


def plus(base: Expr, shift: int) -> Expr:
    """An address as operands have it on x86-64."""
    return Binary("+", base, Int(shift))


X86: dict[str, Expr] = {
    "-4@%edi": Cast(I32, Reg("rdi")),
    "8@%rax": Reg("rax"),
    "-8@%rax": Cast(I64, Reg("rax")),
    "%rax": Reg("rax"),
    "1@%al": Cast(U8, Reg("rax")),
    "-1@%sil": Cast(I8, Reg("rsi")),
    "-1@%bpl": Cast(I8, Reg("rbp")),
    "1@%ah": Cast(U8, Binary(">>", Reg("rax"), Int(8))),
    "-2@%ax": Cast(I16, Reg("rax")),
    "2@%r9w": Cast(U16, Reg("r9")),
    "-4@%r10d": Cast(I32, Reg("r10")),
    "1@%r15b": Cast(U8, Reg("r15")),
    "8@%r8": Reg("r8"),
    "-4@$5": Cast(I32, Int(5)),
    "-4@$-1": Cast(I32, Int(-1)),
    "8@$0x10": Int(16),
    "-4@-20(%rbp)": Load(I32, plus(Reg("rbp"), -20)),
    "8@(%rsp)": Load(UINT64, plus(Reg("rsp"), 0)),
    "8@0x18(%rdi)": Load(UINT64, plus(Reg("rdi"), 24)),
    "4@8(%rax,%rdx)": Load(U32, Binary("+", Reg("rdx"), plus(Reg("rax"), 8))),
    "-1@(%rax,%r12,4)": Load(
        I8, Binary("+", Binary("*", Reg("r12"), Int(4)), plus(Reg("rax"), 0))
    ),
    "8@16(,%rcx,8)": Load(UINT64, plus(Binary("*", Reg("rcx"), Int(8)), 16)),
}  # fmt: skip

ARM: dict[str, Expr] = {
    "8@x0": Reg("x0"),
    "-4@w19": Cast(I32, Reg("x19")),
    "8@sp": Reg("sp"),
    "-4@5": Cast(I32, Int(5)),
    "-4@#-5": Cast(I32, Int(-5)),
    "8@[sp]": Load(UINT64, plus(Reg("sp"), 0)),
    "-4@[sp, 12]": Load(I32, plus(Reg("sp"), 12)),
    "2@[x29, -8]": Load(U16, plus(Reg("x29"), -8)),
    "1@[x1, #3]": Load(U8, plus(Reg("x1"), 3)),
}


@pytest.mark.parametrize("text", X86)
def test_operands_of_x86_64(text: str) -> None:
    """Registers of each width, numbers, and memory by base, index and shift are what they stand for."""
    assert operands(text, PROBE, X86_64) == (X86[text],)


@pytest.mark.parametrize("text", ARM)
def test_operands_of_arm64(text: str) -> None:
    """Registers, numbers, and memory that a register points at are the expressions they stand for."""
    assert operands(text, PROBE, AARCH64) == (ARM[text],)


def test_several_operands_stay_in_order() -> None:
    """Each word is an argument, whatever spaces stand inside of it; none is none."""
    assert operands("", PROBE, X86_64) == ()
    assert operands(" ".join(X86), PROBE, X86_64) == tuple(X86.values())
    assert operands(" ".join(ARM), PROBE, AARCH64) == tuple(ARM.values())


@pytest.mark.parametrize(
    ("text", "arch"),
    [
        ("8f@%xmm0", X86_64), ("8@%xmm0", X86_64), ("8@%fs:16", X86_64), ("4@counter(%rip)", X86_64),
        ("8@%eip", X86_64), ("8@8(%xmm1)", X86_64), ("8@(%rax,%xmm1,4)", X86_64), ("8@%st", X86_64),
        ("8@d0", AARCH64), ("8f@d0", AARCH64), ("8@[d0]", AARCH64), ("8@[x0, x1]", AARCH64), ("8@[x0", AARCH64),
        ("8@%rax", AARCH64), ("8@x0", X86_64), ("3@%rax", X86_64), ("0@%rax", X86_64),
        ("8@$010", X86_64), ("8@ff(%rax)", X86_64), ("8@[x0, 010]", AARCH64),
    ],
)  # fmt: skip
def test_what_is_none_of_these_is_refused(text: str, arch: Architecture) -> None:
    """Floating-point and segment registers, names, and what no compiler writes are refused by the argument."""
    with pytest.raises(UnsupportedError, match="provider:name"):
        operands(f"8@$1 {text}", PROBE, arch)


@given(st.text(st.sampled_from("-48@%$#raxdi0159(),[] :fwspb")), st.sampled_from((X86_64, AARCH64)))
def test_no_note_breaks_it(text: str, arch: Architecture) -> None:
    """Whatever stands in a note of somebody's binary, it is an expression or a refusal."""
    with contextlib.suppress(UnsupportedError, UsageError):
        assert all(isinstance(e, Load | Cast | Int | Reg | Binary) for e in operands(text, PROBE, arch))
