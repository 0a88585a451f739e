"""Numbers of variable length."""

from hypothesis import given
from hypothesis import strategies as st

from tracekit.symbols.dwarf.skipping import leb, signed_leb


def written(number: int, *, signed: bool) -> bytes:
    """A number in LEB128 (DWARF 5, 7.6)."""
    made = b""
    while True:
        low, number = number & 0x7F, number >> 7
        if (number == 0 and not (signed and low & 0x40)) or (signed and number == -1 and low & 0x40):
            return made + bytes([low])
        made += bytes([low | 0x80])


@given(st.integers(0, 2**63 - 1), st.binary(max_size=4))
def test_unsigned(number: int, after: bytes) -> None:
    """A number is read as it was written, and its end is found."""
    data = written(number, signed=False)
    assert leb(data + after, 0) == (number, len(data))


@given(st.integers(-(2**62), 2**62 - 1), st.binary(max_size=4))
def test_signed(number: int, after: bytes) -> None:
    """The same, with a sign."""
    data = written(number, signed=True)
    assert signed_leb(data + after, 0) == (number, len(data))
