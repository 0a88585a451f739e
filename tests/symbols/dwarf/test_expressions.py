"""Where a location's expression says that a value is at the entry, and why it may say nothing."""

import attrs
import pytest
from elftools.dwarf.dwarf_expr import DWARFExprParser
from elftools.dwarf.structs import DWARFStructs

from tracekit.core.location import Behind, InRegister, InVector, OnStack, Piece
from tracekit.symbols.dwarf import reasons
from tracekit.symbols.dwarf.expressions import Frame, pieces
from tracekit.symbols.dwarf.registers import REGISTERS

PARSER = DWARFExprParser(DWARFStructs(little_endian=True, dwarf_format=32, address_size=8, dwarf_version=5))
UNSIGNED_32 = 0x2A
"""Where the unit has a type of four bytes."""

FRAME = Frame(
    registers=REGISTERS["x86_64"],
    kept=REGISTERS["x86_64"].kept,
    canonical=True,
    moved=False,
    type_size={UNSIGNED_32: 4}.get,
)
ARM = attrs.evolve(FRAME, registers=REGISTERS["aarch64"], kept=REGISTERS["aarch64"].kept)

RDI, RSI, RBX, XMM0 = 0x55, 0x54, 0x53, 0x61
BREG_RDI, BREG_RSP = 0x75, 0x77
FBREG, PIECE, BIT_PIECE, VALUE, DEREF = 0x91, 0x93, 0x9D, 0x9F, 0x06
SHR, AND, PLUS_CONSTANT, CONSTANT_4, CONVERT = 0x25, 0x1A, 0x23, 0x0C, 0xA8
LITERAL = 0x30
FULL = (0xFF, 0xFF, 0xFF, 0xFF)


def placed(expression, size, frame=FRAME):
    """The pieces of a value."""
    return pieces(PARSER.parse_expr(bytes(expression)), size, frame)


ONE = [
    ([RDI], 8, InRegister("rdi")),
    ([XMM0], 16, InVector("xmm0")),
    ([FBREG, 0], 40, OnStack(8)),
    ([FBREG, 24], 4, OnStack(32)),
    ([0x9C], 8, OnStack(8)),
    ([BREG_RSP, 16], 4, OnStack(16)),
    ([BREG_RDI, 0], 24, Behind(InRegister("rdi"))),
    ([BREG_RDI, 8], 24, Behind(InRegister("rdi"), 8)),
    ([BREG_RDI, 8, PLUS_CONSTANT, 8], 24, Behind(InRegister("rdi"), 16)),
    ([FBREG, 8, DEREF], 24, Behind(OnStack(16))),
    ([FBREG, 8, DEREF, PLUS_CONSTANT, 4], 24, Behind(OnStack(16), 4)),
    ([BREG_RDI, 0, VALUE], 8, InRegister("rdi")),
    ([BREG_RDI, 0, LITERAL + 24, SHR, VALUE], 4, InRegister("rdi", 3)),
    ([BREG_RDI, 0, CONSTANT_4, *FULL, AND, VALUE], 4, InRegister("rdi")),
    ([BREG_RDI, 0, CONVERT, UNSIGNED_32, CONVERT, 0, VALUE], 4, InRegister("rdi")),
    ([FBREG, 0, DEREF, VALUE], 8, OnStack(8)),
]


@pytest.mark.parametrize(("expression", "size", "location"), ONE)
def test_one_place(expression, size, location):
    """Registers, the stack as of the entry, memory behind a pointer, and words taken unchanged are places."""
    assert placed(expression, size) == (Piece(0, size, location),)


def test_parts():
    """Parts may be in several places, inside a register, or missing; the last may be shorter than said."""
    assert placed([RDI, PIECE, 8, XMM0, PIECE, 8], 12) == (
        Piece(0, 8, InRegister("rdi")),
        Piece(8, 4, InVector("xmm0")),
    )
    assert placed([PIECE, 8, RSI, PIECE, 8], 16) == (Piece(8, 8, InRegister("rsi")),)
    assert placed([RDI, BIT_PIECE, 32, 32, FBREG, 0, PIECE, 4], 8) == (
        Piece(0, 4, InRegister("rdi", 4)),
        Piece(4, 4, OnStack(8)),
    )
    assert placed([FBREG, 0x70, PIECE, 8, RSI, PIECE, 8], 16) == (Piece(8, 8, InRegister("rsi")),)


def test_arm64():
    """On arm64 the canonical frame address is the entry's stack pointer, and v0 has number 64."""
    assert placed([FBREG, 0], 8, ARM) == (Piece(0, 8, OnStack(0)),)
    assert placed([0x90, 64], 8, ARM) == (Piece(0, 8, InVector("v0")),)
    assert placed([0x8F, 8], 8, ARM) == (Piece(0, 8, OnStack(8)),)


REFUSED = [
    ([RBX], 8, reasons.KEPT),
    ([0x73, 0], 24, reasons.KEPT),
    ([0x76, 16], 8, reasons.KEPT),
    ([FBREG, 0x70], 8, reasons.BELOW),
    ([FBREG, 0x78], 8, reasons.BELOW),
    ([BREG_RSP, 0], 8, reasons.BELOW),
    ([RDI], 16, reasons.TOO_LARGE),
    ([BREG_RDI, 1, VALUE], 8, reasons.COMPUTED),
    ([BREG_RDI, 0, CONSTANT_4, *FULL, AND, VALUE], 8, reasons.COMPUTED),
    ([BREG_RDI, 0, CONVERT, UNSIGNED_32, CONVERT, 0, VALUE], 8, reasons.COMPUTED),
    ([BREG_RDI, 0, CONVERT, 0x10, VALUE], 4, reasons.COMPUTED),
    ([BREG_RDI, 0, LITERAL + 4, SHR, VALUE], 4, reasons.COMPUTED),
    ([BREG_RDI, 0, LITERAL + 24, SHR, VALUE], 8, reasons.COMPUTED),
    ([BREG_RDI, 0, 0x1F, VALUE], 8, reasons.COMPUTED),
    ([LITERAL + 7, VALUE], 8, reasons.KNOWN),
    ([0x9E, 1, 7], 1, reasons.KNOWN),
    ([0xA3, 1, RDI, VALUE], 8, reasons.CALLER),
    ([0xFA, 1, 0, 0, 0, VALUE], 8, reasons.GONE),
    ([PIECE, 8, PIECE, 8], 16, reasons.GONE),
    ([RDI, PIECE, 8, RDI, PIECE, 8], 16, reasons.TWICE),
    ([RDI, PIECE, 8, RSI, PIECE, 8, 0x51, PIECE, 8], 16, reasons.STRANGE),
    ([RDI, BIT_PIECE, 4, 0], 8, reasons.STRANGE),
    ([RDI, PIECE, 8, RSI], 16, reasons.STRANGE),
    ([0x90, 33], 16, reasons.STRANGE),
    ([BREG_RDI, 0, BREG_RDI, 0], 8, reasons.STRANGE),
    ([0x0D, 1, 0, 0, 0, 0x13, VALUE], 8, reasons.STRANGE),
]


@pytest.mark.parametrize(("expression", "size", "reason"), REFUSED)
def test_refused(expression, size, reason):
    """What doesn't hold at the entry, isn't stored, or isn't understood, is refused with its reason."""
    with pytest.raises(reasons.Unusable) as caught:
        placed(expression, size)
    assert str(caught.value) == reason


def test_frames_that_are_set_up_later():
    """Offsets from a frame base that is a register, or from LLVM's stack pointer, are of after the prologue."""
    for expression, frame in (
        ([FBREG, 16], attrs.evolve(FRAME, canonical=False)),
        ([BREG_RSP, 16], attrs.evolve(FRAME, moved=True)),
    ):
        with pytest.raises(reasons.Unusable, match="counted from a register"):
            placed(expression, 8, frame)


def test_go_passes_in_registers_that_c_keeps():
    """rbx is an argument's register in Go alone."""
    go = attrs.evolve(FRAME, kept=FRAME.registers.kept_by_go)
    assert placed([RBX], 8, go) == (Piece(0, 8, InRegister("rbx")),)
