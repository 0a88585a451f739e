"""What fuzzing has found stays fixed, and a short run finds nothing; ``make fuzz`` is the long one."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from tests.fuzz.campaign import made
from tests.fuzz.judge import judge
from tests.fuzz.targets import TARGETS
from tests.installed import needed

from tracekit.core.probe import FunctionName
from tracekit.core.source import Array, Base, Encoding, Field, Record, RecordKind, Types
from tracekit.errors import BinaryError, TracekitError
from tracekit.symbols.abi.layout import alignment, leaves, parts
from tracekit.symbols.debugfile import DebugInfoError
from tracekit.symbols.dwarf.sections import elf_sections
from tracekit.symbols.functions import find
from tracekit.symbols.image import open_image

CORPUS = Path(__file__).parent / "corpus"
FOUND = sorted(path for path in CORPUS.glob("*/*") if path.is_file())
SHORT = 40


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_finding_is_none_any_longer(path: Path) -> None:
    """An input that was once read wrongly is read, or refused in one sentence, in little time and memory."""
    target = TARGETS[path.parent.name]
    target.prepare()
    verdict = judge(target.read, path.read_bytes())
    assert not verdict.finding, verdict.details


@pytest.mark.parametrize("name", TARGETS)
def test_a_short_run_finds_nothing(name: str) -> None:
    """The first inputs of a fixed seed have no findings, and some of them are read, some refused."""
    target = TARGETS[name]
    needed("gcc", "clang")
    target.prepare()
    verdicts = [judge(target.read, made(target, 1, number)) for number in range(SHORT)]
    assert not [(number, v.finding, v.details) for number, v in enumerate(verdicts) if v.finding]
    assert {v.accepted for v in verdicts} == {True, False}


def elf(tmp_path: Path, content: bytes, *sections: tuple[int, int, int, int]) -> str:
    """An ELF program of one segment and of sections: type, flags, place in the content, and size."""
    start = 64 + 56
    rows = [(0, 0, 0, 0, 0), *((9, kind, flags, start + at, size) for kind, flags, at, size in sections)]
    names = b".shstrtab\0.debug_info\0"
    rows[1:] = [(10 if flags == 0x800 else 0, kind, flags, at, size) for _, kind, flags, at, size in rows[1:]]
    table = start + len(content) + len(names)
    header = struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, 0x1000, 64, table, 0, 64, 56, 1, 64, len(rows) + 1, len(rows)
    )
    segment = struct.pack(
        "<IIQQQQQQ", 1, 5, 0, 0x1000, 0x1000, start + len(content), start + len(content), 4096
    )
    packed = [
        struct.pack("<IIQQQQIIQQ", name, kind, flags, 0, at, size, 0, 0, 4, 24)
        for name, kind, flags, at, size in rows
    ]
    packed.append(struct.pack("<IIQQQQIIQQ", 0, 3, 0, 0, start + len(content), len(names), 0, 0, 1, 0))
    path = tmp_path / "program"
    path.write_bytes(b"\x7fELF\2\1\1".ljust(16, b"\0") + header + segment + content + names + b"".join(packed))
    return str(path)


def test_many_sections_of_the_same_notes(tmp_path: Path) -> None:
    """Thousands of note sections that are the same bytes of the file are refused, not all read."""
    content = struct.pack("<III", 0, 0, 9) * 10_000
    path = elf(tmp_path, content, *[(7, 0, 0, len(content))] * 5_000)
    verdict = judge(lambda _: open_image(path), b"")
    with pytest.raises(TracekitError, match="bytes of notes"):
        open_image(path)
    assert not verdict.finding, verdict.details


def test_many_symbol_tables(tmp_path: Path) -> None:
    """Thousands of symbol tables that are the same bytes of the file are refused, not all read."""
    content = bytes(24 * 20_000)
    image = open_image(elf(tmp_path, content, *[(2, 0, 0, len(content))] * 5_000))
    with pytest.raises(TracekitError, match="5000 symbol tables"):
        find(image, FunctionName("f"))


def test_a_section_that_grows_a_thousandfold(tmp_path: Path) -> None:
    """A compressed section that would take far more memory than its bytes is refused."""
    content = struct.pack("<IIQQ", 1, 0, 1 << 29, 1) + zlib.compress(bytes(1 << 20))
    image = open_image(elf(tmp_path, content, (1, 0x800, 0, len(content))))
    section = elf_sections(image.file, image.headers)[".debug_info"]
    with pytest.raises(DebugInfoError, match="more than is read here"):
        section.read((1 << 29) - 8, 8)


def test_a_record_aligned_to_nothing() -> None:
    """An alignment of 0, which no compiler writes, is none: nothing is divided by it."""
    types = Types({1: Record("s", 8, RecordKind.STRUCT, align=0)})
    assert alignment(types, 1) == 1


def test_an_array_longer_than_the_record_that_holds_it() -> None:
    """A record of 8 bytes with an array of a billion isn't gone through: it is refused, or has one part."""
    types = Types(
        {
            1: Base("char", 1, Encoding.SIGNED),
            2: Array(1, 10**9, 1),
            3: Record("s", 8, RecordKind.STRUCT, (Field("a", 2, 0),)),
        }
    )
    with pytest.raises(BinaryError, match="more members than there is room for"):
        list(leaves(types, 3))
    assert list(parts(types, 3)) == [types[1]]
