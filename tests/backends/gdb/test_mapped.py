"""Where files are in processes, and what the sampler's lines say; this very process is the example."""

import ctypes
import json
import os

import pytest

from tracekit.backends.gdb.mapped import changed, mapped_at, parse_maps
from tracekit.backends.gdb.records import read_records
from tracekit.process.memory import read_memory, write_memory
from tracekit.symbols.image import open_image
from tracekit.symbols.questions import file_offset


def libc():
    """The C library's image, and where it has getpid in this process."""
    with open("/proc/self/maps", encoding="utf-8") as file:
        path = next(m.region.name for m in parse_maps(file.read()) if "/libc.so" in m.region.name)
    image = open_image(path)
    symbol = next(s for table in image.symbols for s in table.named(b"getpid"))
    return image, symbol.value


def test_library_of_this_process():
    """The address of a library's function is the one at which the linker has it, with the file's own code."""
    image, address = libc()
    offset = file_offset(image, address)
    (found,) = mapped_at(os.getpid(), image.file.descriptor, offset)
    assert found == ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p).value
    code = image.file.read(offset, 4, "code")
    assert not changed(os.getpid(), found, code)
    assert changed(os.getpid(), found, b"\xcc" + code[1:])


def test_copy_of_a_file(tmp_path):
    """A copy is another file: it isn't mapped."""
    image, address = libc()
    copy = tmp_path / "libc"
    copy.write_bytes(image.file.read(0, image.file.size, "content"))
    with copy.open("rb") as file:
        assert mapped_at(os.getpid(), file.fileno(), file_offset(image, address)) == ()


def test_process_that_has_ended():
    """Nothing can be read of a process that isn't there, and nothing written."""
    image, _ = libc()
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    with pytest.raises(OSError, match="No such"):
        mapped_at(pid, image.file.descriptor, 0)
    assert read_memory(pid, 4096, 4) == b""
    assert not write_memory(pid, 4096, b"x")
    assert changed(pid, 4096, b"x")


def test_odd_names():
    """Names with blanks, deleted files and mappings without a file are understood."""
    text = (
        "55d000-55e000 r-xp 00001000 fe:00 123                        /tmp/a  b (deleted)\n"
        "7f0000-7f1000 rw-p 00000000 00:00 0 \n"
        "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n"
    )
    first, second, third = parse_maps(text)
    assert (first.region.name, first.executable, first.offset) == ("/tmp/a  b (deleted)", True, 4096)
    assert (second.region.name, second.inode, second.executable) == ("", 0, False)
    assert third.region.end == 0xFFFFFFFFFF601000


def test_line_that_was_cut():
    """Of what a gdb has told that died while it wrote, the whole lines count."""
    hit = {"kind": "hit", "registers": {"rdi": 1}, "vectors": {}, "stack": "0a", "memory": {}, "thread": 5}
    lines = [{"kind": "version", "version": "13.1"}, hit, {"kind": "after", "hit": 0, "values": {"x": "ff"}}]
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines) + b'{"kind": "hi'
    told = read_records(data)
    assert told.version == "13.1"
    assert [(h.registers, h.stack, h.after) for h in told.hits] == [({"rdi": 1}, b"\n", {"x": b"\xff"})]
