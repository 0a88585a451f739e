"""Runs a program under gdb, and keeps what its functions' first calls found at their entry and return."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from tracekit.core.location import Behind, InRegister, InVector, InX87, Location, OnStack, Piece, part
from tracekit.core.source import Base, Encoding, Enumeration, TypeId, Types
from tracekit.symbols.abi.layout import leaves

# Executed by gdb's own Python. The target has no position of its own to choose (-no-pie), so that addresses
# in the file are addresses in memory.
_SCRIPT = """
import gdb, json
addresses = json.loads(%r)
for setting in ("pagination off", "startup-with-shell off", "debuginfod enabled off", "auto-load off"):
    gdb.execute("set " + setting)
gdb.execute("starti", to_string=True)
process = gdb.selected_inferior()
names = %r
found = {}
waiting = {}
for address in addresses:
    gdb.Breakpoint("*%%d" %% int(address), internal=True)

def memory(address, size):
    try:
        return bytes(process.read_memory(address, size)).hex()
    except gdb.error:
        return ""

def state(stack):
    frame = gdb.newest_frame()
    integers = {n: int(frame.read_register(n)) & (1 << 64) - 1 for n in names}
    vectors = {}
    for n in range(16):
        halves = frame.read_register("xmm%%d" %% n)["v2_int64"]
        data = b"".join((int(halves[h]) & (1 << 64) - 1).to_bytes(8, "little") for h in (0, 1))
        vectors["xmm%%d" %% n] = data.hex()
    words = memory(stack, 1024)
    near = {}
    data = bytes.fromhex(words)
    on_stack = [int.from_bytes(data[at : at + 8], "little") for at in range(0, 256, 8)]
    for value in [*integers.values(), *on_stack]:
        if value > 4096 and str(value) not in near and (data := memory(value, 256)):
            near[str(value)] = data
    return {"integers": integers, "vectors": vectors, "stack": stack, "words": words, "near": near}

while True:
    try:
        gdb.execute("continue", to_string=True)
    except gdb.error:
        break
    if not process.pid:
        break
    pc = int(gdb.newest_frame().read_register("pc"))
    sp = int(gdb.newest_frame().read_register("sp"))
    key = str(pc)
    if key in addresses and key not in found:
        found[key] = [state(sp), None]
        back = int.from_bytes(bytes.fromhex(memory(sp, 8)), "little")
        waiting[(back, sp + 8)] = key
        gdb.Breakpoint("*%%d" %% back, internal=True)
    if (pc, sp) in waiting:
        found[waiting.pop((pc, sp))][1] = state(sp - 8)
with open(%r, "w") as file:
    json.dump(found, file)
"""

_NAMES = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11")


@attrs.frozen
class Stop:
    """Registers and memory at one moment."""

    integers: Mapping[str, int]
    vectors: Mapping[str, str]
    stack: int
    words: str
    near: Mapping[str, str]

    def read(self, location: Location, size: int) -> bytes:
        """The bytes there; fewer if not all were kept."""
        match location:
            case InRegister(name, shift):
                return self.integers[name].to_bytes(8, "little")[shift : shift + size]
            case InVector(name, shift):
                return bytes.fromhex(self.vectors[name])[shift : shift + size]
            case OnStack(offset):
                return bytes.fromhex(self.words)[offset : offset + size]
            case Behind(pointer, offset):
                address = int.from_bytes(self.read(pointer, 8), "little")
                return bytes.fromhex(self.near.get(str(address), ""))[offset : offset + size]
            case InX87():
                return b""


def run(program: Path, addresses: Sequence[int], folder: Path) -> dict[int, tuple[Stop, Stop | None]]:
    """Run a program; for each address of a function that was called, what its first call found."""
    script, output = folder / "stops.py", folder / "stops.json"
    script.write_text(_SCRIPT % (json.dumps([str(a) for a in addresses]), _NAMES, str(output)))
    subprocess.run(
        ["gdb", "-nx", "-q", "-batch", "-iex", "set auto-load off", "-x", script, program],
        check=True, timeout=120, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return {
        int(address): (Stop(**entry), Stop(**back) if back else None)
        for address, (entry, back) in json.loads(output.read_text()).items()
    }


def numbers(types: Types, number: TypeId, pieces: Sequence[Piece], stop: Stop) -> list[int | None]:
    """The numbers in a value, in the order of its leaves; a float as its bits; None for one without a place."""
    found: list[int | None] = []
    for leaf in leaves(types, number):
        if not isinstance(leaf.type, Base | Enumeration) or leaf.type.size > 16:
            continue
        bits = leaf.bit_size or 8 * leaf.type.size
        first, last = leaf.bit_offset // 8, (leaf.bit_offset + bits - 1) // 8
        places = part(pieces, first, last + 1 - first)
        if places is None:
            found.append(None)
            continue
        data = b"".join(stop.read(p.location, p.size) for p in places)
        value = int.from_bytes(data, "little") >> leaf.bit_offset % 8 & ((1 << bits) - 1)
        signed = isinstance(leaf.type, Enumeration) or leaf.type.encoding is Encoding.SIGNED
        found.append(value - (1 << bits) if signed and value >> (bits - 1) else value)
    return found
