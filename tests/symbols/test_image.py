"""What a binary is, and everything that is none."""

import gc
import os
import platform
import struct
import subprocess

import pytest
from elftools.elf.elffile import ELFFile
from tests.leftovers import descriptors

from tracekit.errors import BinaryError
from tracekit.symbols.image import open_image
from tracekit.symbols.questions import file_offset


def refusal(path, name=None):
    """The error of opening a file."""
    with pytest.raises(BinaryError) as caught:
        open_image(path, name)
    return caught.value


def test_what_a_program_is(sample, stripped):
    """Machine, build-id, position independence and the lack of symbols are read as the linker was told."""
    image = open_image(sample)
    assert image.path == sample
    assert image.machine == platform.machine()
    assert image.position_independent
    assert image.build_id == "c0ffee0123456789"
    assert (image.stripped, image.is_go, image.go_version, image.has_exceptions) == (False, False, "", False)
    assert open_image(stripped).stripped
    assert open_image(stripped).build_id == image.build_id


def test_a_program_at_fixed_addresses(build):
    """A program that isn't position-independent and has no build-id says so."""
    image = open_image(build("int main(void) { return 0; }", "-no-pie", "-Wl,--build-id=none"))
    assert not image.position_independent
    assert image.build_id == ""


def test_exceptions(build):
    """A C++ program that catches has exception tables, and a library is opened like a program."""
    text = 'extern "C" int may(int x) { try { if (x) throw 1; } catch (int) { return 2; } return 0; }'
    assert open_image(build(text, "-shared", "-fPIC", compiler="g++", suffix=".cc")).has_exceptions


def test_headers_agree_with_pyelftools(sample):
    """Sections, segments and all symbols are what pyelftools, an independent reader, finds."""
    image = open_image(sample)
    with open(sample, "rb") as file:
        reference = ELFFile(file)
        sections = [
            (s.name.encode(), s["sh_addr"], s["sh_offset"], s["sh_size"]) for s in reference.iter_sections()
        ]
        segments = [
            (s["p_vaddr"], s["p_offset"], s["p_filesz"], s["p_flags"]) for s in reference.iter_segments()
        ]
        names = [".symtab", ".dynsym"]
        symbols = [
            [
                (s.entry["st_name"], s["st_value"], s["st_size"])
                for s in reference.get_section_by_name(n).iter_symbols()
            ]
            for n in names
        ]
    assert [(s.name, s.address, s.offset, s.size) for s in image.headers.sections] == sections
    assert [(s.address, s.offset, s.file_size, s.flags) for s in image.headers.segments] == segments
    assert [[(r[0], r[4], r[5]) for r in table] for table in image.symbols] == symbols


def test_file_offsets(sample):
    """An address maps to the place in the file that holds its bytes, also where both numbers differ."""
    image = open_image(sample)
    with open(sample, "rb") as file:
        content = file.read()
    for section in image.headers.sections:
        if section.name in (b".text", b".data", b".dynamic", b".rodata"):
            assert file_offset(image, section.address) == section.offset
            assert file_offset(image, section.address + section.size - 1) == section.offset + section.size - 1
    assert any(s.address != s.offset for s in image.headers.segments)
    text = image.section(b".text")
    assert image.instructions(text.address, 16) == content[text.offset : text.offset + 16]
    with pytest.raises(BinaryError, match="nothing at address 0xdeadbeef00"):
        file_offset(image, 0xDEADBEEF00)


def test_uninitialised_data_has_no_place_in_the_file(sample):
    """An address in .bss, which the file has no bytes for, is refused rather than mapped to other bytes."""
    image = open_image(sample)
    bss = next(s for s in image.headers.sections if s.name == b".bss")
    with pytest.raises(BinaryError, match="nothing at address"):
        file_offset(image, bss.address + bss.size - 1)


def test_code_is_told_from_data(sample):
    """Only executable sections are code, up to their last byte."""
    image = open_image(sample)
    text = image.section(b".text")
    assert image.is_code(text.address)
    assert image.is_code(text.address + text.size - 1)
    assert not image.is_code(image.section(b".rodata").address)
    assert not image.is_code(0)


def test_a_descriptor_is_left_as_it_was(sample):
    """Reading through a caller's descriptor neither moves nor closes it, and outlives it."""
    with open(sample, "rb", buffering=0) as file:
        file.seek(5)
        image = open_image(file.fileno(), "the program")
        assert file.tell() == 5
    assert image.path == "the program"
    assert image.symbols[0].named(b"main")


def test_descriptors_are_given_back(sample):
    """Opening many images, good and bad, leaves no descriptor open."""
    gc.collect()
    before = len(descriptors())
    for _ in range(50):
        open_image(sample)
        refusal(__file__)
    gc.collect()
    assert len(descriptors()) == before


def test_missing_file(tmp_path):
    """A missing file is refused with the names in its folder that come near."""
    (tmp_path / "itest.test").touch()
    error = refusal(str(tmp_path / "itets.test"))
    assert error.message == f"{tmp_path}/itets.test does not exist"
    assert error.hint == f"Did you mean {tmp_path}/itest.test?"
    assert "no folder" in refusal(str(tmp_path / "nowhere" / "x")).hint


def test_names_that_no_file_can_have():
    """A NUL in a name, or a name far too long, is an error in words."""
    assert "can't be opened" in refusal("a\0b").message
    assert "can't be opened" in refusal("x" * 5000).message


def test_no_permission(sample, tmp_path):
    """A file that may not be read is told from one that isn't there."""
    copy = tmp_path / "secret"
    copy.write_bytes(b"")
    copy.chmod(0)
    if os.geteuid():
        assert "permission denied" in refusal(str(copy)).message
        return
    child = os.fork()
    if not child:
        os.setgroups([])
        os.setresuid(65534, 65534, 65534)
        code = 1
        try:
            tmp_path.joinpath("secret").stat()
        except PermissionError:
            code = 0  # the folder itself is closed, which is refused by the same rule
        try:
            open_image(str(copy))
        except BinaryError as error:
            code = 0 if "permission denied" in error.message else 1
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"#!/usr/bin/env python3\nprint()\n", "is a script for '/usr/bin/env python3'"),
        (b"#!\x1b[31m/bin/sh\n", "is a script for '\\x1b[31m/bin/sh'"),
        (b"\xcf\xfa\xed\xfe\x0c\0\0\1", "is a macOS binary"),
        (b"\xca\xfe\xba\xbe\0\0\0\2", "is a macOS binary"),
        (b"\xca\xfe\xba\xbe\0\0\0\x34", "is a Java class file"),
        (b"!<arch>\n", "is an archive of object files"),
        (b"/* GNU ld script\n*/ GROUP ( /lib/libc.so.6 )", "is a linker script"),
        (b"MZ\x90\0", "is a Windows program"),
        (b"int main(void) { return 0; }", "is not an ELF binary"),
        (b"\x7fELF", "is truncated or corrupt"),
        (b"\x7fELF\2\1\1" + bytes(20), "is truncated or corrupt"),
        (b"\x7fELF\2\7\1" + bytes(60), "has no byte order"),
        (b"\x7fELF\1\1\1" + bytes(60), "is a 32-bit binary"),
    ],
)
def test_what_is_no_binary(content, words, tmp_path):
    """Each kind of file that is no 64-bit ELF binary is refused in one line that says what it is."""
    path = tmp_path / "thing"
    path.write_bytes(content)
    error = refusal(str(path))
    assert words in error.message
    assert str(path) in error.message
    assert error.message.isprintable()


def test_what_is_no_file(tmp_path):
    """Folders are refused, and devices and FIFOs too, without waiting for someone to write into one."""
    assert "is a directory" in refusal(str(tmp_path)).message
    assert "not a regular file" in refusal("/dev/null").message
    os.mkfifo(tmp_path / "fifo")
    assert "not a regular file" in refusal(str(tmp_path / "fifo")).message


def test_object_files_and_debug_files(build, sample, tmp_path):
    """What the compiler makes on the way to a program, and its debug information alone, can't be traced."""
    assert "isn't linked yet" in refusal(build("int f(void) { return 0; }", "-c")).message
    debug = str(tmp_path / "debug")
    subprocess.run(["objcopy", "--only-keep-debug", sample, debug], check=True)
    assert "no executable code" in refusal(debug).message


def test_every_truncation_is_refused_or_sane(sample, tmp_path):
    """A binary cut at any length is refused, since its section headers are at its end."""
    with open(sample, "rb") as file:
        content = file.read()
    path = tmp_path / "cut"
    for size in (4, 5, 16, 63, 64, 65, 500, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        error = refusal(str(path))
        assert "truncated or corrupt" in error.message


def test_a_file_that_shrinks_is_noticed(sample, tmp_path):
    """If the file is cut while it is open, reading on is an error and not a crash."""
    path = tmp_path / "shrinking"
    with open(sample, "rb") as file:
        path.write_bytes(file.read())
    image = open_image(str(path))
    os.truncate(path, 4096)
    with pytest.raises(BinaryError, match="changed while it was read"):
        _ = image.symbols


def test_huge_sizes_allocate_nothing(sample, tmp_path):
    """A section that claims terabytes is refused by the file's size, even where the file is sparse."""
    with open(sample, "rb") as file:
        content = bytearray(file.read())
    image = open_image(sample)
    index = next(i for i, s in enumerate(image.headers.sections) if s.name == b".symtab")
    at = struct.unpack_from("<Q", content, 40)[0] + 64 * index + 32
    struct.pack_into("<Q", content, at, 24 * (1 << 38))
    path = tmp_path / "huge"
    path.write_bytes(content)
    with pytest.raises(BinaryError, match="beyond its end"):
        _ = open_image(str(path)).symbols
    os.truncate(path, 1 << 43)
    with pytest.raises(BinaryError, match="is corrupt"):
        _ = open_image(str(path)).symbols
