"""Debug information that someone damaged: refused in words or answered, in the end and within bounds.

``TRACEKIT_FUZZ_RUNS=10000`` makes as many damaged files, of which the normal number is some hundreds.
"""

import contextlib
import os
import random
import struct
import tracemalloc

import pytest
from tests.hang import ends

from tracekit.errors import TracekitError
from tracekit.symbols.dwarf import DebugInfoError, open_debug_info
from tracekit.symbols.image import open_image

RUNS = int(os.environ.get("TRACEKIT_FUZZ_RUNS", "400"))

TINY = r"""
struct list { struct list *next; int (*call)(int); unsigned a : 3; enum { ONE, TWO } kind; char name[7]; };
union both { int i; float f; };
struct pair { long a, b; };
volatile long sink;
static inline long inlined(long x) { return sink += x; }
__attribute__((noinline)) int take(struct list *list, struct pair pair, union both both, double d, ...)
{ sink += list->a + pair.b + both.i + d + inlined(pair.a); return 1; }
void _start(void)
{ struct list l = {0}; struct pair p = {1, 2}; union both b = {3}; for (;;) take(&l, p, b, 1.0); }
"""
FLAGS = ("-nostdlib", "-static", "-w")
BUILDS = [
    ("gcc", "-O2", "-gdwarf-5"),
    ("gcc", "-O0", "-gdwarf-4"),
    ("gcc", "-O2", "-gdwarf-5", "-gz"),
    ("clang", "-O2", "-gdwarf-5"),
    ("clang", "-O1", "-gdwarf-4"),
    ("g++", "-O2", "-gdwarf-4", "-fdebug-types-section"),
]
NUMBERS = (0, 1, 2, 0x10, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, (1 << 64) - 1)


class Sound:
    """A program's bytes, where its debug information stands in it, and its functions."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.content = file.read()
        image = open_image(path)
        sections = [s for s in image.headers.sections if s.name.startswith(b".debug_")]
        self.places = [range(s.offset, s.offset + s.size) for s in sections]
        # Headers of sections, too: their sizes, flags and offsets.
        (start,) = struct.unpack_from("<Q", self.content, 40)
        self.places += [
            range(start + 64 * i, start + 64 * i + 64)
            for i, s in enumerate(image.headers.sections)
            if s in sections
        ]
        self.addresses = sorted({r[4] for table in image.symbols for r in table if r[1] & 15 == 2 and r[3]})
        assert self.addresses


@pytest.fixture(scope="module")
def sound(build):
    """The programs that are damaged."""
    return [
        Sound(build(TINY, *FLAGS, *flags, compiler=compiler, suffix=".cpp" if "++" in compiler else ".c"))
        for compiler, *flags in BUILDS
    ]


def damage(program, chance):
    """Some bytes of its debug information changed, or the file cut."""
    content = bytearray(program.content)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        place = chance.choice(program.places)
        at = chance.randrange(place.start, place.stop)
        kind = chance.random()
        if kind < 0.4:
            content[at] ^= 1 << chance.randrange(8)
        elif kind < 0.7:
            content[at] = chance.randrange(256)
        else:
            width = chance.choice((1, 2, 4, 8))
            number = chance.choice(NUMBERS) & ((1 << 8 * width) - 1)
            content[at : at + width] = number.to_bytes(width, "little")
    if chance.random() < 0.05:
        del content[chance.randrange(len(content)) :]
    return content


def ask(path, addresses):
    """Everything that can be asked, each of which ends; the number of signatures that are given."""
    answered = 0
    try:
        debug = open_debug_info(open_image(path))
    except TracekitError:
        return 0
    for address in addresses:
        for question in (
            lambda a=address: debug.signature(a, "take", local=False),
            lambda a=address: debug.prologue_end(a),
            lambda a=address: debug.is_unoptimised(a),
            lambda a=address: debug.declared_in(a),
        ):
            with ends(), contextlib.suppress(TracekitError):
                answered += question() is not None
    return answered


def test_sound_programs(sound, tmp_path):
    """Undamaged, all programs answer all questions."""
    for program in sound:
        path = tmp_path / "sound"
        path.write_bytes(program.content)
        assert ask(str(path), program.addresses) >= 4


def test_damaged_programs(sound, tmp_path):
    """Whatever is changed in debug information, the answer is given or refused, in little memory."""
    answered = refused = 0
    for seed in range(RUNS):
        chance = random.Random(seed)
        program = chance.choice(sound)
        path = tmp_path / f"damaged{seed % 8}"
        path.write_bytes(damage(program, chance))
        measured = seed % 20 == 0
        if measured:
            tracemalloc.start()
        try:
            given = ask(str(path), program.addresses)
            if measured:
                assert tracemalloc.get_traced_memory()[1] < 64 << 20, seed
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
        finally:
            if measured:
                tracemalloc.stop()
        answered += given > 0
        refused += given == 0
    assert answered > RUNS // 10
    assert refused > RUNS // 100


def test_damage_in_line_tables_of_no_bytes(build, tmp_path):
    """A table whose entries take no bytes, of which it has four billion, is refused at once."""
    path = build(TINY, *FLAGS, "-O0", "-gdwarf-5")
    image = open_image(path)
    section = image.section(b".debug_line")
    content = bytearray(Sound(path).content)
    # Behind the lengths of 12 opcodes stands the number of formats of folders.
    at = section.offset + 4 + 2 + 2 + 4 + 6 + 12
    assert content[at] in (1, 2)
    content[at : at + 6] = b"\0\xff\xff\xff\xff\x0f"
    damaged = tmp_path / "damaged"
    damaged.write_bytes(content)
    debug = open_debug_info(open_image(str(damaged)))
    with pytest.raises(DebugInfoError, match="corrupt"):
        debug.prologue_end(image.headers.segments and Sound(path).addresses[0])
