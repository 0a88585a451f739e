"""Values out of hits, and requests that can't be meant."""

import pytest

from tracekit.calibration.samples import Hit, Remote, SampleRequest, value_at
from tracekit.core.location import Behind, InRegister, InVector, InX87, OnStack, Piece
from tracekit.core.target import Command
from tracekit.errors import UsageError

HIT = Hit(
    registers={"rdi": 0x1122334455667788, "rsi": 0xFF},
    vectors={"xmm0": bytes(range(16))},
    stack=bytes(range(32)),
    memory={"rdi": b"abcdefgh", "[8]": b"ABCD"},
)


@pytest.mark.parametrize(
    ("location", "size", "data"),
    [
        (InRegister("rdi"), 8, bytes.fromhex("8877665544332211")),
        (InRegister("rdi", 4), 4, bytes.fromhex("44332211")),
        (InRegister("rdi", 4), 8, None),
        (InRegister("r15"), 8, None),
        (InVector("xmm0", 8), 8, bytes(range(8, 16))),
        (InX87(0), 10, None),
        (OnStack(8), 4, bytes(range(8, 12))),
        (OnStack(28), 8, None),
        (OnStack(-8), 8, None),
        (Behind(InRegister("rdi"), 2), 3, b"cde"),
        (Behind(InRegister("rsi")), 1, None),
        (Behind(OnStack(8)), 4, b"ABCD"),
        (Behind(OnStack(16)), 4, None),
    ],
)
def test_one_place(location, size, data):
    """Each kind of place gives its bytes, or none if they weren't all seen."""
    assert value_at(HIT, (Piece(0, size, location),), size) == data


def test_several_places():
    """A value is put together from its pieces, in any order; with a gap it isn't known."""
    pieces = (Piece(8, 8, InRegister("rsi")), Piece(0, 8, OnStack(0)))
    assert value_at(HIT, pieces, 16) == bytes(range(8)) + b"\xff" + bytes(7)
    assert value_at(HIT, pieces[:1], 16) is None


def test_requests():
    """Numbers of nothing, and sockets that gdb would read as something else, are refused."""
    with pytest.raises(UsageError, match="hits is 0"):
        SampleRequest("/bin/true", 0, "x86_64", Command(("true",)), hits=0)
    with pytest.raises(UsageError, match="timeout is nan"):
        SampleRequest("/bin/true", 0, "x86_64", Command(("true",)), timeout=float("nan"))
    for at in (0, 70000, "relative", "/a b", "/a\nshell id"):
        with pytest.raises(UsageError):
            Remote(at)
