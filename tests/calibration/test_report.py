"""What people read of a calibration: how scripts of their own read a scalar, and rows that aren't too many."""

from __future__ import annotations

import pytest

from tracekit.calibration.inscript import in_bpftrace, in_dtrace
from tracekit.calibration.leaves import Leaf
from tracekit.calibration.report import Row, shortened
from tracekit.core.arch import AARCH64, X86_64
from tracekit.core.location import Behind, InRegister, InVector, Location, OnStack, Piece
from tracekit.core.source import Encoding
from tracekit.core.verdict import Verdict

S, U, F = Encoding.SIGNED, Encoding.UNSIGNED, Encoding.FLOAT
RDX = InRegister("rdx")


def leaf(encoding: Encoding, bits: int, bit_offset: int = 0) -> Leaf:
    return Leaf("v", 1, encoding, bit_offset, bits)


@pytest.mark.parametrize(
    ("one", "location", "bpftrace", "dtrace"),
    [
        (leaf(U, 64), RDX, "arg2", "arg2"),
        (leaf(S, 32), RDX, "(int32)arg2", "(int32_t)arg2"),
        (leaf(U, 16), InRegister("rdx", 4), "(uint16)(arg2 >> 32)", "(uint16_t)(arg2 >> 32)"),
        (leaf(U, 3, 5), RDX, "(arg2 >> 5) & 0x7", "(arg2 >> 5) & 0x7"),
        (leaf(U, 3), RDX, "arg2 & 0x7", "arg2 & 0x7"),
        (leaf(S, 3), RDX, "", ""),
        (leaf(S, 8), OnStack(8), '*(int8 *)(reg("sp") + 8)', "(int8_t)arg6"),
        (leaf(U, 16), OnStack(18), '*(uint16 *)(reg("sp") + 18)', "(uint16_t)(arg7 >> 16)"),
        (leaf(U, 64), OnStack(48), '*(uint64 *)(reg("sp") + 48)', ""),  # there is no arg11
        (leaf(S, 32), Behind(RDX, 4), "*(int32 *)(arg2 + 4)", "*(int32_t *)copyin(arg2 + 4, 4)"),
        (leaf(U, 64), InRegister("rax"), 'reg("ax")', "uregs[R_RAX]"),
        (leaf(F, 32), RDX, "", ""),
        (leaf(U, 64), InVector("xmm0"), "", ""),
    ],
)
def test_how_scripts_read_a_scalar(one: Leaf, location: Location, bpftrace: str, dtrace: str) -> None:
    """Exactly its bits, with its sign; nothing where that isn't short or the engine can't."""
    pieces = (Piece(0, one.size, location),)
    assert in_bpftrace(one, pieces, X86_64, c_arguments=True) == bpftrace
    assert in_dtrace(one, pieces, X86_64, c_arguments=True) == dtrace


def test_other_conventions_have_no_numbered_arguments() -> None:
    """Go's registers are called by their names."""
    pieces = (Piece(0, 8, InRegister("x1")),)
    assert in_bpftrace(leaf(U, 64), pieces, AARCH64, c_arguments=False) == 'reg("r1")'
    assert in_dtrace(leaf(U, 64), pieces, AARCH64, c_arguments=False) == "uregs[R_X1]"
    assert in_bpftrace(leaf(U, 64), pieces, AARCH64, c_arguments=True) == "arg1"


def row(name: str, place: str, verdict: Verdict = Verdict.GOOD) -> Row:
    return Row(name, "int", place, "x", "y", "z", verdict)


def test_elements_of_long_arrays_are_one_row() -> None:
    """Five of a kind in a row; fewer, of other verdicts or of other arrays are shown each."""
    many = [row(f"key[{n}].m", f"the stack at rsp+{8 + n}") for n in range(6)]
    few = [row(f"a[{n}]", f"rdi+{n}") for n in range(4)]
    refused = [row(f"b[{n}]", "", Verdict.GOOD if n else Verdict.REFUSED) for n in range(5)]
    found = list(shortened([row("n", "rsi"), *many, *few, *refused]))
    assert [r.name for r in found] == ["n", "key[0…5].m", *(r.name for r in (*few, *refused))]
    assert found[1].place == "the stack at rsp+8 to rsp+13"
    assert (found[1].bpftrace, found[1].seen) == ("", "")
