"""Small programs of several compilers, and ways to damage them where their structure stands."""

from __future__ import annotations

import functools
import os
import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Sequence
from pathlib import Path
from random import Random

import attrs
from tests.fuzz.mutate import NUMBERS
from tests.symbols.test_macho import TEXT as MACHO_TEXT

FOLDER = Path("build/fuzz/programs")

_BARE = ("-nostdlib", "-static", "-w", "-fno-asynchronous-unwind-tables")
_RUSTC = (
    "-Cpanic=abort",
    "-Clink-arg=-nostdlib",
    "-Clink-arg=-static",
    "-Crelocation-model=static",
    "-Awarnings",
)

_BUILDS: tuple[tuple[str, ...], ...] = (
    ("c", "gcc", "-O2", "-gdwarf-5"),
    ("c", "gcc", "-O0", "-gdwarf-4"),
    ("c", "gcc", "-O2", "-gdwarf-5", "-gz"),
    ("c", "clang", "-O2", "-gdwarf-5"),
    ("c", "clang", "-O1", "-gdwarf-4"),
    ("c", "aarch64-linux-gnu-gcc", "-O2", "-gdwarf-5"),
    ("cpp", "g++", "-O2", "-gdwarf-4", "-fdebug-types-section", "-fno-exceptions", "-fno-rtti"),
    ("cpp", "clang++", "-O1", "-gdwarf-5", "-fno-exceptions", "-fno-rtti"),
    ("rs", "rustc", "-O", "-g", *_RUSTC),
    ("rs", "rustc", "-Copt-level=1", "-g", *_RUSTC),
)
_SOURCES = Path(__file__).parent / "programs"


@attrs.frozen(repr=False)
class Program:
    """A program's bytes, and where its structure stands.

    Attributes:
        name: what made it.
        content: all of it.
        headers: the places of its headers.
        tables: those of its symbols, names and notes.
        debug: those of its debug information.
        sections: the numbers of the sections with debug information; empty for Mach-O.
    """

    name: str
    content: bytes
    headers: Sequence[range]
    tables: Sequence[range]
    debug: Sequence[range]
    sections: Sequence[int] = ()


@functools.cache
def elf_programs() -> list[Program]:
    """All programs for Linux whose compilers are there, built once."""
    found = [_built(*build) for build in _BUILDS]
    found += [_built_go("linux", "amd64")]
    return [_elf(name, Path(path).read_bytes()) for name, path in filter(None, found)]


@functools.cache
def macho_programs() -> list[Program]:
    """All programs and objects for macOS."""
    found = [
        _built_macho("arm64", "-g", "-O1"),
        _built_macho("x86_64", "-g", "-gdwarf-5", "-O2"),
        _built_go("darwin", "arm64"),
    ]
    thin = [(name, Path(path).read_bytes()) for name, path in filter(None, found)]
    fat = [(f"fat {name}", _fat(content)) for name, content in thin[:1]]
    return [_macho(*one) for one in (*thin, *fat)]


def damaged(chance: Random, program: Program, places: Sequence[range]) -> bytes:
    """Some of its bytes changed, mostly in some places; sections grown or shrunk; or the file cut."""
    content = bytearray(program.content)
    if program.sections and chance.random() < 0.15:
        _resize(chance, content, chance.choice(program.sections))
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        place = chance.choice(places) if chance.random() < 0.9 else chance.choice(program.headers)
        at = chance.randrange(place.start, place.stop)
        match chance.randrange(6):
            case 0:
                content[at] ^= 1 << chance.randrange(8)
            case 1:
                content[at] = chance.randrange(256)
            case 2 | 3:
                width = chance.choice((1, 2, 4, 8))
                value = chance.choice(NUMBERS) + chance.choice((-1, 0, 0, 1))
                content[at : at + width] = (value & ((1 << 8 * width) - 1)).to_bytes(width, "little")
            case 4:  # the same as elsewhere: offsets that lead to the same place, or back
                width = chance.choice((1, 2, 4, 8, 24, 64))
                other = chance.randrange(place.start, place.stop)
                content[at : at + width] = content[other : other + width].ljust(width, b"\0")
            case _:  # a number in LEB128, without end or near a limit
                content[at : at + 10] = (b"\xff" * chance.randrange(10) + bytes([chance.randrange(256)])).ljust(
                    10, b"\x80"
                )
    if chance.random() < 0.04:
        del content[chance.randrange(len(content)) :]
    return bytes(content)


def _resize(chance: Random, content: bytearray, number: int) -> None:
    """Move a section to the file's end, with bytes put in or taken out, perhaps compressed."""
    (headers,) = struct.unpack_from("<Q", content, 40)
    header = headers + 64 * number
    flags, _, start, size = struct.unpack_from("<QQQQ", content, header + 8)
    data = bytearray(content[start : start + size])
    at = chance.randrange(len(data) + 1)
    if chance.random() < 0.5:
        data[at:at] = chance.randbytes(chance.choice((1, 4, 100)))
    else:
        del data[at : at + chance.choice((1, 4, 100))]
    if chance.random() < 0.5 and not flags & 0x800:
        claimed = chance.choice((len(data), len(data), 1 << 20, 1 << 29, 1 << 40))
        data = bytearray(
            struct.pack("<IIQQ", chance.choice((1, 1, 1, 2, 9)), 0, claimed, 1) + zlib.compress(data)
        )
        struct.pack_into("<Q", content, header + 8, flags | 0x800)
    struct.pack_into("<QQ", content, header + 24, len(content), len(data))
    content += data


def _built(language: str, compiler: str, *flags: str) -> tuple[str, str] | None:
    if shutil.which(compiler) is None:
        return None
    name = re.sub(r"\W+", "_", " ".join((compiler, *flags[:3])))
    source, out = _SOURCES / f"sample.{language}", FOLDER / name
    if not out.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        more = () if language == "rs" else _BARE
        subprocess.run([compiler, *flags, *more, "-o", str(out), str(source)], check=True, capture_output=True)
    return name, str(out)


def _built_go(system: str, architecture: str) -> tuple[str, str] | None:
    if shutil.which("go") is None:
        return None
    folder = FOLDER / f"go-{system}"
    out = folder / "program"
    if not out.exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(_SOURCES / "sample.go", folder / "main.go")
        (folder / "go.mod").write_text("module sample\ngo 1.18\n")
        environment = os.environ | {
            "GOOS": system, "GOARCH": architecture, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local",
            "GOFLAGS": "-buildvcs=false",
        }  # fmt: skip
        subprocess.run(
            ["go", "build", "-o", "program", "."], check=True, capture_output=True, cwd=folder, env=environment
        )
    return f"go-{system}", str(out)


def _built_macho(machine: str, *flags: str) -> tuple[str, str] | None:
    if shutil.which("clang") is None:
        return None
    name = f"macho-{machine}{''.join(flags)}"
    out = FOLDER / f"{name}.o"
    if not out.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        source = FOLDER / f"{name}.c"
        source.write_text(MACHO_TEXT)
        command = ["clang", "-target", f"{machine}-apple-macos12", "-c", *flags, str(source), "-o", str(out)]
        subprocess.run(command, check=True, capture_output=True)
    return name, str(out)


def _fat(content: bytes) -> bytes:
    """A binary of two architectures, both of which are the same."""
    rows = struct.pack(">IIIII", 0x0100000C, 0, 64, len(content), 0) + struct.pack(
        ">IIIII", 0x01000007, 3, 64, len(content), 0
    )
    return (struct.pack(">II", 0xCAFEBABE, 2) + rows).ljust(64, b"\0") + content


def _elf(name: str, content: bytes) -> Program:
    segments_at, sections_at = struct.unpack_from("<QQ", content, 32)
    _, segments, _, sections, names = struct.unpack_from("<HHHHH", content, 54)
    headers = [range(64), range(segments_at, segments_at + 56 * segments)]
    rows = [struct.unpack_from("<IIQQQQIIQQ", content, sections_at + 64 * n) for n in range(sections)]
    tables, debug, numbers = [], [], []
    for number, (at, kind, _, _, start, size, *_) in enumerate(rows):
        word = content[rows[names][4] + at :].partition(b"\0")[0]
        header = range(sections_at + 64 * number, sections_at + 64 * number + 64)
        if word.startswith((b".debug", b".zdebug")) and size:
            debug += [range(start, start + size), header]
            numbers.append(number)
        elif kind not in (0, 1, 8) and size:
            tables += [range(start, start + size), header]
        elif size:
            headers.append(header)
    return Program(name, content, headers, tables, debug, numbers)


def _macho(name: str, content: bytes) -> Program:
    start = 64 if content.startswith(b"\xca\xfe") else 0
    count, size = struct.unpack_from("<II", content, start + 16)
    tables: list[range] = []
    debug: list[range] = []
    at = start + 32
    for _ in range(count):
        kind, length = struct.unpack_from("<II", content, at)
        if kind == 0x19:
            for n in range(struct.unpack_from("<I", content, at + 64)[0]):
                section = at + 72 + 80 * n
                place, offset = struct.unpack_from("<QI", content, section + 40)
                if content[section : section + 16].startswith((b"__debug", b"__zdebug")) and place:
                    debug += [range(start + offset, start + offset + place), range(section, section + 80)]
        elif kind == 0x02:
            rows_at, rows, names_at, names_size = struct.unpack_from("<4I", content, at + 8)
            tables += [
                range(start + rows_at, start + rows_at + 16 * rows),
                range(start + names_at, start + names_at + names_size),
            ]
        at += length
    inside = range(len(content))  # sections of zeros have no place in the file
    tables, debug = ([r for r in found if r and r[-1] in inside] for found in (tables, debug))
    return Program(name, content, [range(start, start + 32 + size), range(64)], tables, debug)
