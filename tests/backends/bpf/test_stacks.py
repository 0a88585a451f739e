"""Stacks between the kernel's parts and their frames, and names for what stands at a place of a file."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import pytest
from tests.installed import needed

from tracekit.backends.bpf import kernel
from tracekit.backends.bpf.frames import Frame, Stack, stacks
from tracekit.backends.bpf.layout import FRAMES, NODE, FrameKind
from tracekit.backends.bpf.mappings import Mappings
from tracekit.symbols.image import open_image
from tracekit.symbols.lookup import named
from tracekit.symbols.questions import file_offset
from tracekit.symbols.spots import spots

ID = "00112233445566778899aabbccddeeff00112233"


def part(before: int, *frames: bytes) -> bytes:
    return (struct.pack("<Q", before) + b"".join(frames)).ljust(NODE, b"\0")


def in_file(place: int) -> bytes:
    return struct.pack("<I20sQ", FrameKind.FILE, bytes.fromhex(ID), place)


def address(place: int) -> bytes:
    return struct.pack("<I20sQ", FrameKind.ADDRESS, b"", place)


def caller(pid: int, place: int) -> bytes:
    return struct.pack("<II16sQ", FrameKind.CALLER, pid, b"", place)


def read(parts: dict[int, bytes]) -> dict[int, Stack]:
    return dict(stacks(b"".join(parts.values()), b"".join(struct.pack("<Q", n) for n in parts)))


def test_parts_are_joined_in_their_order() -> None:
    """A stack is the frames of its parts, from the innermost on, in whatever order the kernel tells them."""
    first = part(0, *(in_file(n) for n in range(FRAMES)))
    found = read({9: part(4, in_file(77)), 4: first, 7: part(4, in_file(78), address(79))})
    frames = tuple(Frame(ID, n) for n in range(FRAMES))
    assert found[4] == Stack(frames, FRAMES)
    assert found[9] == Stack((*frames, Frame(ID, 77)), FRAMES + 1)
    assert found[7] == Stack((*frames, Frame(ID, 78), Frame("", 79)), FRAMES + 2)


def test_a_caller_that_was_left_out_stands_behind_its_function() -> None:
    """What came first as a part of its own becomes the second frame; it isn't one that the kernel found."""
    found = read({1: part(0, caller(55, 99)), 2: part(1, in_file(5), in_file(6)), 3: part(1, in_file(5))})
    assert found[2] == Stack((Frame(ID, 5), Frame("", 99, 55), Frame(ID, 6)), 2)
    assert found[3] == Stack((Frame(ID, 5), Frame("", 99, 55)), 1)


def test_a_caller_stands_there_in_stacks_of_several_parts() -> None:
    """The caller stays the second frame where more parts follow."""
    whole = part(1, *(in_file(n) for n in range(FRAMES)))
    found = read({1: part(0, caller(55, 99)), 2: whole, 3: part(2, in_file(50))})
    assert found[3].frames[:3] == (Frame(ID, 0), Frame("", 99, 55), Frame(ID, 1))
    assert (len(found[3].frames), found[3].found) == (FRAMES + 2, FRAMES + 1)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A C++ program with a method that keeps a frame pointer and a function that doesn't."""
    needed("g++")
    binary = tmp_path_factory.mktemp("spots") / "spots"
    source = """
    #define KEPT __attribute__((noinline, noclone))
    struct Cache { KEPT long insert(long v); };
    extern "C" KEPT long plain(long v) { __asm__ volatile("" : "+r"(v)); return v; }
    __attribute__((optimize("no-omit-frame-pointer")))
    long Cache::insert(long v) { long found = plain(v); __asm__ volatile("" : "+r"(found)); return found; }
    int main() { Cache cache; return int(cache.insert(0)); }
    """
    subprocess.run(["g++", "-O1", "-x", "c++", "-o", binary, "-"], input=source, text=True, check=True)
    return binary


def test_a_place_of_a_file_has_its_function(compiled: Path) -> None:
    """A place inside a function has its name as the source has it, and how far it is from its beginning."""
    image = open_image(str(compiled))
    (method,), (plain,) = named(image, "_ZN5Cache6insertEl"), named(image, "plain")
    places = (file_offset(image, method.address) + 3, file_offset(image, plain.address), 0, 1 << 60)
    found = spots(image, places)
    assert [(spot.name, spot.offset, spot.code) for spot in found] == [
        ("Cache::insert(long)", 3, True),
        ("plain", 0, True),
        ("", 0, False),
        ("", 0, False),
    ]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="what is compiled here is x86-64's")
def test_who_keeps_a_frame_pointer_is_seen_in_its_code(compiled: Path) -> None:
    """A function that sets up a frame is told from one that doesn't."""
    image = open_image(str(compiled))
    (method,), (plain,) = named(image, "_ZN5Cache6insertEl"), named(image, "plain")
    found = spots(image, (file_offset(image, method.address), file_offset(image, plain.address)))
    assert [spot.keeps_frame for spot in found] == [True, False]


def test_an_address_of_ours_has_its_file() -> None:
    """An address in mapped code of a process is told as a place of the file that is mapped there."""
    pid = os.getpid()
    with open("/proc/self/maps", encoding="ascii", errors="replace") as maps:
        row = next(line.split() for line in maps if " r-xp " in line and "/" in line)
    start, offset = int(row[0].split("-")[0], 16), int(row[2], 16)
    with Mappings((pid,), kernel) as mappings:
        assert mappings.at(start + 16, pid) == (row[5], offset + 16)
        assert mappings.at(start + 16, 0) == (row[5], offset + 16)
        assert mappings.at(8, pid) is None
        assert row[5] in mappings.files
