"""A machine that runs eBPF programs, by RFC 9669: from their bytes, and with nothing of the compiler.

Memory is in regions at addresses far apart; what is outside of them can't be read, and no register before it is
written. Helpers are functions of the test.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

import attrs

MASK = (1 << 64) - 1
STACK, CONTEXT, FREE = 0x1_0000_0000, 0x2_0000_0000, 0x3_0000_0000
STEPS = 1_000_000


def signed(number: int) -> int:
    """64 bits as a signed number."""
    return number - (1 << 64) if number >> 63 else number


def _shift(a: int, b: int) -> int:
    return a << (b & 63)


ARITHMETIC: Mapping[int, Callable[[int, int], int]] = {
    0x0: lambda a, b: a + b,
    0x1: lambda a, b: a - b,
    0x2: lambda a, b: a * b,
    0x3: lambda a, b: a // b if b else 0,
    0x4: lambda a, b: a | b,
    0x5: lambda a, b: a & b,
    0x6: _shift,
    0x7: lambda a, b: a >> (b & 63),
    0x8: lambda a, b: -a,
    0x9: lambda a, b: a % b if b else a,
    0xA: lambda a, b: a ^ b,
    0xB: lambda a, b: b,
    0xC: lambda a, b: signed(a) >> (b & 63),
}
JUMPS: Mapping[int, Callable[[int, int], bool]] = {
    0x0: lambda a, b: True,
    0x1: lambda a, b: a == b,
    0x2: lambda a, b: a > b,
    0x3: lambda a, b: a >= b,
    0x4: lambda a, b: a & b != 0,
    0x5: lambda a, b: a != b,
    0x6: lambda a, b: signed(a) > signed(b),
    0x7: lambda a, b: signed(a) >= signed(b),
    0xA: lambda a, b: a < b,
    0xB: lambda a, b: a <= b,
    0xC: lambda a, b: signed(a) < signed(b),
    0xD: lambda a, b: signed(a) <= signed(b),
}
SIZES = {0: 4, 1: 2, 2: 1, 3: 8}


@attrs.define
class Machine:
    """Runs one program at a time.

    Attributes:
        helpers: the kernel's functions, by their numbers: each gets the machine, and gives what is in ``r0``.
        registers: r0 to r10.
        regions: memory, by where it begins.
    """

    helpers: Mapping[int, Callable[[Machine], int]] = attrs.field(factory=dict)
    registers: list[int | None] = attrs.field(factory=list)
    regions: dict[int, bytearray] = attrs.field(factory=dict)

    def allocate(self, content: bytes) -> int:
        """Put bytes into a region of their own; gives its address."""
        address = FREE + (len(self.regions) << 24)
        self.regions[address] = bytearray(content)
        return address

    def _at(self, address: int, size: int) -> tuple[bytearray, int]:
        for start, region in self.regions.items():
            if start <= address and address + size <= start + len(region):
                return region, address - start
        raise MemoryError(f"{size} bytes at {address:#x}")

    def read(self, address: int, size: int) -> bytes:
        """Bytes of memory."""
        region, at = self._at(address, size)
        return bytes(region[at : at + size])

    def write(self, address: int, content: bytes) -> None:
        """Change memory."""
        region, at = self._at(address, len(content))
        region[at : at + len(content)] = content

    def value(self, register: int) -> int:
        """A register that has been written."""
        found = self.registers[register]
        assert found is not None, f"r{register} is read before anything is in it"
        return found

    def run(self, code: bytes, context: bytes = b"") -> int:
        """Run a program; gives what it returns."""
        self.regions |= {STACK: bytearray(b"\xa5" * 512), CONTEXT: bytearray(context)}
        self.registers = [None, CONTEXT, *[None] * 8, STACK + 512]
        at = 0
        for _ in range(STEPS):
            op, registers, offset, number = struct.unpack_from("<BBhi", code, 8 * at)
            dst, src = registers & 15, registers >> 4
            at += 1
            if op == 0x95:
                return self.value(0)
            if op == 0x18:
                (high,) = struct.unpack_from("<I", code, 8 * at + 4)
                self.registers[dst] = high << 32 | number & 0xFFFFFFFF
                at += 1
            elif op == 0x85:
                self._call(number)
            elif op & 7 == 5:
                right = self.value(src) if op & 8 else number & MASK
                left = self.value(dst) if op != 0x05 else 0
                at += offset if JUMPS[op >> 4](left, right) else 0
            elif op & 7 == 7:
                right = self.value(src) if op & 8 else number & MASK
                left = 0 if op >> 4 == 0xB else self.value(dst)
                self.registers[dst] = ARITHMETIC[op >> 4](left, right) & MASK
            else:
                self._memory(op, dst, src, offset, number)
        raise AssertionError("it does not end")

    def _call(self, number: int) -> None:
        result = self.helpers[number](self)
        self.registers[:6] = [result & MASK, *[None] * 5]

    def _memory(self, op: int, dst: int, src: int, offset: int, number: int) -> None:
        size = SIZES[op >> 3 & 3]
        kind, mode = op & 7, op >> 5
        if kind == 1:
            assert mode == 3
            self.registers[dst] = int.from_bytes(self.read(self.value(src) + offset, size), "little")
            return
        address = self.value(dst) + offset
        if mode == 6:
            assert kind == 3
            self._atomic(address, src, number)
            return
        assert mode == 3
        content = number if kind == 2 else self.value(src)
        self.write(address, (content & (1 << 8 * size) - 1).to_bytes(size, "little"))

    def _atomic(self, address: int, src: int, kind: int) -> None:
        before = int.from_bytes(self.read(address, 8), "little")
        operand = self.value(src)
        if kind == 0xF1:
            after = operand if before == self.value(0) else before
            self.registers[0] = before
        else:
            after = {0x00: before + operand, 0x40: before | operand}[kind & ~1] & MASK
            if kind & 1:
                self.registers[src] = before
        self.write(address, after.to_bytes(8, "little"))
