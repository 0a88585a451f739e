"""How to get past an entry of debug information without decoding it.

pyelftools decodes an entry in about 15 µs. Finding one function among the 80,000 entries of a C++ unit that way
takes longer than a second, but most entries only have to be stepped over, which takes a tenth of that.

Source: DWARF 5, 7.5.6 (sizes of the forms).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tracekit.symbols.debugfile import DebugInfoError

LEB: Final = -1
"""The step past a LEB128 number."""

_BLOCK_LEB: Final = -2
_STRING: Final = -3
_BLOCK: Final = {"DW_FORM_block1": -4, "DW_FORM_block2": -5, "DW_FORM_block4": -7}
"""Blocks after a length of 1, 2 and 4 bytes, which is the number's negative less 3."""

_FIXED: Final = {
    **dict.fromkeys(("flag_present", "implicit_const"), 0),
    **dict.fromkeys(("data1", "ref1", "flag", "strx1", "addrx1"), 1),
    **dict.fromkeys(("data2", "ref2", "strx2", "addrx2"), 2),
    **dict.fromkeys(("strx3", "addrx3"), 3),
    **dict.fromkeys(("data4", "ref4", "ref_sup4", "addrx4"), 4),
    **dict.fromkeys(("data8", "ref8", "ref_sup8", "ref_sig8"), 8),
    "data16": 16,
}
_OFFSETS: Final = ("sec_offset", "strp", "line_strp", "strp_sup", "GNU_strp_alt", "GNU_ref_alt", "ref_addr")
_LEBS: Final = ("udata", "sdata", "ref_udata", "strx", "addrx", "loclistx", "rnglistx")

LARGEST_ENTRY: Final = 1 << 20
"""The most bytes that an entry may have; compilers' have less than a thousandth of it."""

Steps = tuple[int, ...]
"""Bytes to go on, or the kinds of what says itself how long it is (negative)."""


def step(form: str, offset_size: int, address_size: int) -> int:
    """The step past a value.

    Args:
        form: the value's form, ``DW_FORM_…``.
        offset_size: 4 in the 32-bit format of DWARF, 8 in the 64-bit one.
        address_size: bytes of an address.

    Raises:
        DebugInfoError: if no compiler is known to write that form.
    """
    name = str(form).removeprefix("DW_FORM_")
    if name in _FIXED:
        return _FIXED[name]
    if name in _OFFSETS:
        return offset_size
    if name in _LEBS:
        return LEB
    if name == "addr":
        return address_size
    if name == "string":
        return _STRING
    if name in ("exprloc", "block"):
        return _BLOCK_LEB
    if form in _BLOCK:
        return _BLOCK[form]
    # DW_FORM_strx4 is for units with more than 16 million strings; pyelftools 0.33 takes it for 8 bytes.
    raise DebugInfoError(f"the debug information is corrupt, or new: values of form {name} are not known here")


def merged(steps: Iterable[int]) -> Steps:
    """The same steps with neighbours of known size made one."""
    result: list[int] = []
    for one in steps:
        if one >= 0 and result and result[-1] >= 0:
            result[-1] += one
        else:
            result.append(one)
    return tuple(result)


def skip(data: bytes, at: int, steps: Steps) -> int:
    """Where in ``data`` some steps lead.

    Raises:
        IndexError: if that is beyond its end.
        ValueError: if a string has no end.
    """
    for one in steps:
        if one >= 0:
            at += one
        elif one == LEB:
            while data[at] & 0x80:
                at += 1
            at += 1
        elif one == _BLOCK_LEB:
            size, at = leb(data, at)
            at += size
        elif one == _STRING:
            at = data.index(0, at) + 1
        else:
            width = -one - 3
            at += width + int.from_bytes(data[at : at + width], "little")
    return at


def leb(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number of at most 64 bits, and where it ends (DWARF 5, 7.6).

    Raises:
        IndexError: if it goes beyond the end of ``data``.
        ValueError: if it is longer than that.
    """
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number without end")


def signed_leb(data: bytes, at: int) -> tuple[int, int]:
    """A signed number of LEB128, and where it ends.

    Raises:
        IndexError: if the data ends in it.
    """
    number, end = leb(data, at)
    bits = 7 * (end - at)
    return number - ((number >> (bits - 1)) << bits), end
