"""Binaries that someone damaged: refused in words, or answered sanely, and always soon."""

import contextlib
import os
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.hang import ends

from tracekit.core.probe import FunctionName
from tracekit.errors import TracekitError
from tracekit.symbols.functions import find
from tracekit.symbols.golang import after_stack_check
from tracekit.symbols.image import open_image
from tracekit.symbols.notes import notes
from tracekit.symbols.questions import file_offset
from tracekit.symbols.usdt import find_usdt

TINY = """
__attribute__((section(".note.stapsdt"), used)) static const char note[] =
    "\\x08\\0\\0\\0\\x24\\0\\0\\0\\x03\\0\\0\\0stapsdt\\0________--------\\0\\0\\0\\0\\0\\0\\0\\0a\\0b\\0-4@%edi";
int insert(int x) { return x + 1; }
int cache_insert(int x) { return insert(x) * 2; }
int clone(int x) __asm__("insert.constprop.0"); int clone(int x) { return x; }
void _start(void) { for (;;) cache_insert(1); }
"""

NUMBERS = st.sampled_from(
    [0, 1, 2, 7, 0x7F, 0xFF, 0xFFFF, 1 << 20, 1 << 31, (1 << 32) - 1, 1 << 40, (1 << 63) - 1]
)
CHANGE = st.tuples(
    st.floats(0, 1, exclude_max=True), st.sampled_from([1, 2, 4, 8]), NUMBERS | st.integers(0, (1 << 64) - 1)
)


class Tiny:
    """A small program's bytes, and the places in it where its structure stands; with a short repr."""

    def __init__(self, content, places, address):
        self.content, self.places, self.address = content, places, address


@pytest.fixture(scope="module")
def tiny(build):
    """A small program with a table of each kind."""
    path = build(TINY, "-nostdlib", "-static", "-O1", "-fno-asynchronous-unwind-tables")
    with open(path, "rb") as file:
        content = file.read()
    image = open_image(path)
    assert find_usdt(image, "a", "b")
    places = list(range(64))
    program, sections = struct.unpack_from("<QQ", content, 32)
    places += range(program, program + 56 * len(image.headers.segments))
    places += range(sections, sections + 64 * len(image.headers.sections))
    for section in image.headers.sections:
        if section.type not in (0, 1, 8):
            places += range(section.offset, section.offset + section.size)
    assert len(places) > 1000
    (function,) = find(image, FunctionName("insert"))
    return Tiny(content, places, function.address)


def attempt(question):
    """The answer to a question; None if it is refused in words."""
    with contextlib.suppress(TracekitError):
        return question()
    return None


def answers(path, address=0):
    """Everything that can be asked of a binary; each answer is checked as far as it must make sense."""
    image = attempt(lambda: open_image(path))
    if image is None:
        return 0
    functions = []
    for name in ("insert", "cache_*", hex(address), "isnert", "a::b", "a.c:insert", "a::*"):
        functions += attempt(lambda name=name: find(image, FunctionName(name))) or ()
    for function in functions:
        assert image.is_code(function.address)
        assert file_offset(image, function.address) in range(os.path.getsize(path))
        assert function.size >= 0
        attempt(lambda function=function: notes(image, function))
        attempt(lambda function=function: after_stack_check(image, function))
    for site in attempt(lambda: find_usdt(image, "a", "b")) or ():
        assert (site.provider, site.name) == ("a", "b")
    return len(functions)


def test_the_undamaged_program(tiny, tmp_path):
    """Undamaged, the program that is damaged below answers all questions that have an answer."""
    path = tmp_path / "sound"
    path.write_bytes(tiny.content)
    assert answers(str(path), tiny.address) == 3


@settings(max_examples=800, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CHANGE, min_size=1, max_size=4), st.none() | st.floats(0, 1))
def test_damaged_structures(tiny, tmp_path, changes, cut):
    """Whatever numbers stand in headers, symbols, names and notes, the answer is sane or a TracekitError."""
    damaged = bytearray(tiny.content)
    for where, width, number in changes:
        at = min(tiny.places[int(where * len(tiny.places))], len(damaged) - width)
        damaged[at : at + width] = (number & ((1 << 8 * width) - 1)).to_bytes(width, "little")
    path = tmp_path / "damaged"
    path.write_bytes(damaged if cut is None else damaged[: int(cut * len(damaged))])
    answers(str(path), tiny.address)


@settings(max_examples=200, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=600))
def test_anything_after_the_magic(tmp_path, noise):
    """Noise that begins like ELF is refused or sane."""
    path = tmp_path / "noise"
    path.write_bytes(b"\x7fELF\2\1\1" + noise)
    answers(str(path))


def test_names_without_end(build, tmp_path):
    """A name table without a single zero byte costs no noticeable time, and has no names."""
    path = build(
        "int main(void) { return 0; }" + "".join(f"int f{i}(void) {{ return {i}; }}" for i in range(3000))
    )
    image = open_image(path)
    with open(path, "rb") as file:
        content = bytearray(file.read())
    strings = next(s for s in image.headers.sections if s.name == b".strtab")
    content[strings.offset : strings.offset + strings.size] = b"f" * strings.size
    damaged = tmp_path / "endless"
    damaged.write_bytes(content)
    with ends(), pytest.raises(TracekitError):
        find(open_image(str(damaged)), FunctionName("f17"))
