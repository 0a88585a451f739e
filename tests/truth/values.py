"""Random values of scalars: the bits that a machine has for them, and how a language writes them."""

from __future__ import annotations

import random
import struct

from tests.truth.model import Kind, Scalar

DATA_SIZE = 4096
"""Bytes of ``tk_data``, into which pointers point."""


def rng_of(*what: object) -> random.Random:
    """A generator of random numbers of its own for each thing, so that removing one leaves the others alone."""
    return random.Random(":".join(map(str, what)))


def integer(rng: random.Random, bits: int, signed: bool) -> int:
    """A random integer, mostly one that nothing else is likely to equal."""
    how = rng.random()
    value = rng.getrandbits(bits)
    if how < 0.15:
        value &= 0xFF
    elif how < 0.25:
        value = rng.choice([0, 1, (1 << bits) - 1, 1 << (bits - 1), (1 << (bits - 1)) - 1]) & ((1 << bits) - 1)
    return value - (1 << bits) if signed and value >> (bits - 1) else value


def real(rng: random.Random) -> float:
    """A random number that every binary format from ``float`` on holds exactly."""
    return rng.choice([-1, 1]) * (1 + rng.getrandbits(23) / (1 << 23)) * 2.0 ** rng.randint(-60, 60)


def real_bits(kind: Kind, value: float, size: int) -> tuple[int, int]:
    """A number's bits, and a mask of those that count."""
    if kind is Kind.X87:
        return x87(value), (1 << 80) - 1
    if kind is Kind.QUAD:
        return quad(value), (1 << 128) - 1
    return int.from_bytes(struct.pack("<f" if size == 4 else "<d", value), "little"), (1 << 8 * size) - 1


def x87(value: float) -> int:
    """The 80 bits of a normal number in x87's format: sign, 15 bits of exponent, 64 of significand."""
    bits = struct.unpack("<Q", struct.pack("<d", value))[0]
    exponent = (bits >> 52 & 0x7FF) - 1023 + 16383
    return (bits >> 63) << 79 | exponent << 64 | 1 << 63 | (bits & ((1 << 52) - 1)) << 11


def quad(value: float) -> int:
    """The 128 bits of a normal number in IEEE's binary128."""
    bits = struct.unpack("<Q", struct.pack("<d", value))[0]
    exponent = (bits >> 52 & 0x7FF) - 1023 + 16383
    return (bits >> 63) << 127 | exponent << 112 | (bits & ((1 << 52) - 1)) << 60


def offset(rng: random.Random) -> int:
    """A place in ``tk_data`` for a pointer."""
    return 16 * rng.randrange(1, DATA_SIZE // 16 - 8)


def unicode(rng: random.Random) -> int:
    """A code point that is a character."""
    return rng.choice([rng.randrange(0x20, 0xD800), rng.randrange(0xE000, 0x110000)])


def mask_of(scalar: Scalar) -> int:
    """All bits of a scalar."""
    return (1 << 8 * scalar.size) - 1
