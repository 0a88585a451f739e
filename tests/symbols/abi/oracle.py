"""Runs generated functions and compares where their arguments were with what the rules say.

``python -m tests.symbols.abi.oracle SEED COUNT TOOLCHAIN`` runs as many functions as one likes.
"""

from __future__ import annotations

import collections
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
from tests.symbols.abi.generated import Generator

from tracekit.core.location import Behind, InRegister, InVector, InX87, Location, OnStack, Piece, part
from tracekit.core.source import Base, Encoding, TypeId, Types
from tracekit.symbols.abi import place
from tracekit.symbols.abi.layout import leaves, size_of

HERE = Path(__file__).parent
_CALL, _RETURN = 4352, 256 + 8 + 256

_INTEGERS = {
    "x86_64": ("rdi", "rsi", "rdx", "rcx", "r8", "r9"),
    "aarch64": tuple(f"x{n}" for n in range(9)),
}
_RESULTS = {"x86_64": ("rax", "rdx"), "aarch64": ("x0", "x1", "x2", "x3")}

_LINKER = ("aarch64-linux-gnu-gcc",)
_EMULATOR = ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu")


@attrs.frozen
class Toolchain:
    """What compiles generated functions.

    Attributes:
        machine: for which.
        compiler: its command.
        producer: how it calls itself in debug information; the version is put in for the braces.
        apple: whether it compiles for Apple's arm64; into ELF, so that the program runs here.
    """

    machine: str
    compiler: tuple[str, ...]
    producer: str
    apple: bool = False

    def generator(self, seed: int, wide: bool = False) -> Generator:
        """A source of functions that suits it."""
        command = [self.compiler[0], "-dumpversion"]
        version = subprocess.run(command, check=True, timeout=10, capture_output=True, text=True).stdout.strip()
        return Generator(seed, self.machine, self.producer.format(version), wide, self.apple)


_CLANG = "clang version {}"
TOOLCHAINS = {
    "gcc": Toolchain("x86_64", ("gcc",), "GNU C17 {} -mtune=generic"),
    "gcc-avx": Toolchain("x86_64", ("gcc", "-mavx"), "GNU C17 {} -mavx"),
    **{name: Toolchain("x86_64", (name,), _CLANG) for name in ("clang", "clang-19", "clang-22")},
    "clang-19-avx": Toolchain("x86_64", ("clang-19", "-mavx"), _CLANG),
    "gcc-arm64": Toolchain("aarch64", ("aarch64-linux-gnu-gcc",), "GNU C17 {} -mlittle-endian"),
    **{
        f"{name}-arm64": Toolchain("aarch64", (name, "--target=aarch64-linux-gnu"), _CLANG)
        for name in ("clang", "clang-19", "clang-22")
    },
    **{
        f"{name}-apple": Toolchain("aarch64", (name, "--target=arm64-apple-macosx11-elf"), _CLANG, apple=True)
        for name in ("clang-19", "clang-22")
    },
}


@attrs.frozen
class State:
    """What a callee found, or a caller after the return."""

    integers: dict[str, bytes]
    vectors: dict[str, bytes]
    x87: tuple[bytes, ...]
    memory: bytes
    memory_start: int
    stack_pointer: int

    def read(self, location: Location, size: int) -> bytes:
        """The bytes there."""
        match location:
            case InRegister(name, shift):
                return self.integers[name][shift : shift + size]
            case InVector(name, shift):
                return self.vectors[name][shift : shift + size]
            case InX87(index):
                return self.x87[index][:size]
            case OnStack(offset):
                return self._at(self.stack_pointer + offset, size)
            case Behind(pointer, offset):
                return self._at(int.from_bytes(self.read(pointer, 8), "little") + offset, size)

    def _at(self, address: int, size: int) -> bytes:
        start = address - self.memory_start
        return self.memory[start : start + size] if start >= 0 else b""


@attrs.frozen
class Outcome:
    """What came of comparing.

    Attributes:
        known: how many arguments and results had a place.
        refused: how many had none, by the reasons.
        wrong: a description of each that was elsewhere.
    """

    known: int
    refused: collections.Counter[str]
    wrong: tuple[str, ...]


def compare(toolchain: Toolchain, seed: int, count: int, wide: bool = False) -> Outcome:
    """Draw functions, run them, and compare."""
    generator = toolchain.generator(seed, wide)
    for _ in range(count):
        generator.function()
    with tempfile.TemporaryDirectory() as folder:
        dump = _run(generator, toolchain, Path(folder))
    known, refused, bad = 0, collections.Counter[str](), []
    platform = "macos" if toolchain.apple else "linux"
    for case, (call, back) in zip(generator.cases, _states(dump, toolchain.machine), strict=True):
        signature = case.signature
        convention = place(signature, toolchain.machine, platform=platform)
        rows = [
            (p.name, p.type, case.image[at:], placed, call)
            for p, at, placed in zip(signature.parameters, case.offsets, convention.arguments, strict=True)
        ]
        assert signature.result is not None
        rows.append(("result", signature.result, case.result_image, convention.results[0], back))
        for name, number, value, placed, state in rows:
            if placed.pieces is None:
                refused[placed.reason] += 1
                continue
            known += 1
            if found := _wrong(signature.types, number, value, placed.pieces, state):
                declared = [d for d in generator.declarations if f" {signature.types.spelled(number)} " in d]
                bad.append(f"{case.text}, {name}: {placed.pieces}: {found[0]} {declared}")
    return Outcome(known, refused, tuple(bad))


def _run(generator: Generator, toolchain: Toolchain, folder: Path) -> bytes:
    source, functions, program = folder / "functions.c", folder / "functions.o", folder / "program"
    source.write_text(generator.source())
    compiler = [*toolchain.compiler, "-w", "-std=gnu11", "-O1"]
    arm = toolchain.machine == "aarch64"
    _do(*compiler, "-c", "-o", functions, source)
    driver = (HERE / "driver.c", HERE / f"dump_{toolchain.machine}.S")
    _do(*(_LINKER if arm else ("gcc",)), "-w", "-O1", "-o", program, functions, *driver)
    command = [*(_EMULATOR if arm else ()), program]
    return subprocess.run(command, check=True, timeout=300, stdout=subprocess.PIPE).stdout


def _do(*command: str | Path) -> None:
    # gcc notes in which of its versions the ABI changed; not even -w stops that.
    subprocess.run(command, check=True, timeout=300, stderr=subprocess.DEVNULL)


def _states(dump: bytes, machine: str) -> Iterator[tuple[State, State]]:
    """What each callee found, and each caller after the return."""
    prefix, count = ("xmm", 2) if machine == "x86_64" else ("v", 4)
    for at in range(0, len(dump), _CALL + _RETURN):
        call, back = dump[at : at + _CALL], dump[at + _CALL : at + _CALL + _RETURN]
        stack = int.from_bytes(call[120:128], "little")
        scratch = int.from_bytes(back[256:264], "little")
        yield (
            State(_words(call, _INTEGERS[machine]), _vectors(call, prefix, 8), (), call[256:], stack, stack),
            State(
                _words(back, _RESULTS[machine]),
                _vectors(back, prefix, count),
                (back[160:170], back[176:186]),
                back[264:],
                scratch,
                0,
            ),
        )


def _words(data: bytes, names: Sequence[str]) -> dict[str, bytes]:
    return {name: data[8 * n : 8 * n + 8] for n, name in enumerate(names)}


def _vectors(data: bytes, prefix: str, count: int) -> dict[str, bytes]:
    return {f"{prefix}{n}": data[128 + 16 * n : 144 + 16 * n] for n in range(count)}


def _wrong(types: Types, number: TypeId, value: bytes, pieces: Sequence[Piece], state: State) -> list[str]:
    """The leaves of a value that aren't where the pieces say."""
    found = []
    for leaf in leaves(types, number):
        spans = [(leaf.bit_offset, leaf.bit_size or 8 * size_of(leaf.type))]
        match leaf.type:
            case Base(name, 16 | 32 as size, Encoding.FLOAT | Encoding.COMPLEX) if (
                "long" in name and "xmm0" in state.vectors
            ):  # x87's numbers have 80 bits; the rest is padding
                spans = [(leaf.bit_offset + at, 80) for at in range(0, 8 * size, 128)]
        for at, width in spans:
            first, last = at // 8, (at + width - 1) // 8
            places = part(pieces, first, last + 1 - first)
            if places is None:
                found.append(f"bits {at} to {at + width} have no place")
                continue
            got = b"".join(state.read(p.location, p.size) for p in places)
            expected = value[first : last + 1]
            if len(got) != len(expected) or _bits(got, at % 8, width) != _bits(expected, at % 8, width):
                found.append(f"{leaf.type} at {places} is {got.hex()}, not {expected.hex()}")
    return found


def _bits(data: bytes, shift: int, width: int) -> int:
    return int.from_bytes(data, "little") >> shift & ((1 << width) - 1)


if __name__ == "__main__":
    outcome = compare(TOOLCHAINS[sys.argv[3]], int(sys.argv[1]), int(sys.argv[2]), wide="wide" in sys.argv)
    sys.stdout.write("\n".join([*outcome.wrong[:8], ""]))
    total = outcome.refused.total()
    sys.stdout.write(f"known {outcome.known}, refused {total}, wrong {len(outcome.wrong)}\n")
