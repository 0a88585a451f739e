"""What gdb sees at the entry of functions of real programs that we start."""

import struct
import subprocess

import attrs
import pytest
from tests.backends.gdb.helpers import address_of, after_prologue, is_free, request

from tracekit.backends.gdb.sampler import sample
from tracekit.process import Target

pytestmark = pytest.mark.live


@pytest.mark.parametrize("options", [("-O0", "-pie"), ("-O2", "-no-pie"), ("-O2", "-static")], ids=" ".join)
def test_first_calls(build, options):
    """The first eight calls are seen with all that they are given, wherever the program is loaded."""
    binary = build("calls.c", *options, "-pthread")
    samples = sample(request(binary, "insert"))
    assert len(samples.hits) == 8
    assert samples.notes == ()
    for index, hit in enumerate(samples.hits):
        assert hit.memory["rdi"].startswith(b"hello\0")
        assert hit.registers["rsi"] == 100 + 7 * index
        assert hit.registers["rdx"] & 0xFFFFFFFF == ((index + 1) * -3) & 0xFFFFFFFF
        assert hit.registers["rcx"] == hit.thread
        assert struct.unpack("<d", hit.vectors["xmm0"][:8]) == (index / 2,)
        assert hit.registers["rip"] % 4096 == address_of(binary, "insert") % 4096
        return_address = int.from_bytes(hit.stack[:8], "little")
        assert any(r.start <= return_address < r.end and r.name == str(binary) for r in samples.regions)


@pytest.mark.usefixtures("each_gdb")
def test_after_the_prologue(build):
    """In code without optimisation each parameter's own bytes come with the entry of the same call."""
    binary = build("calls.c", "-O0", "-pie", "-pthread")
    asked = request(binary, "insert", binary, "-t", "3", "-n", "20", after=after_prologue(binary, "insert"))
    samples = sample(asked)
    assert len(samples.hits) == 8
    for hit in samples.hits:
        assert set(hit.after) == {"value", "key", "weight", "tid"}
        assert hit.after["value"] == struct.pack("<QQ", hit.registers["rdi"], hit.registers["rsi"])
        assert hit.after["key"] == hit.registers["rdx"].to_bytes(8, "little")[:4]
        assert hit.after["weight"] == hit.vectors["xmm0"][:8]
        assert int.from_bytes(hit.after["tid"], "little") == hit.thread


def test_threads(build):
    """Each hit has the thread's number that the program itself passes."""
    binary = build("calls.c", "-O2", "-pie", "-pthread")
    samples = sample(request(binary, "insert", binary, "-t", "4", "-n", "50", hits=100))
    assert len(samples.hits) == 100
    assert all(hit.registers["rcx"] == hit.thread for hit in samples.hits)
    assert len({hit.thread for hit in samples.hits}) > 1


@pytest.mark.usefixtures("each_gdb")
@pytest.mark.parametrize("how", ["linked", "opened"])
def test_library(build, how):
    """A library's very first calls, those of its constructor, are seen, whenever it is mapped."""
    library = build("library.c", "-O2", "-shared", "-fPIC")
    if how == "linked":
        argv = (build("load.c", "-DLINKED", str(library)),)
    else:
        argv = (build("load.c", "-ldl"), library)
    samples = sample(request(library, "entered", *argv))
    assert [hit.registers["rdi"] for hit in samples.hits] == [1000, 1001, 1002, 0, 1, 2, 3, 4]


def test_after_exec(build):
    """A program that the command becomes is sampled from its first call on."""
    binary = build("calls.c", "-O2", "-pie", "-pthread")
    samples = sample(request(binary, "insert", "sh", "-c", f"exec env {binary} -n 9"))
    assert [hit.registers["rsi"] for hit in samples.hits] == [100 + 7 * n for n in range(8)]
    assert samples.notes == ()


@pytest.mark.usefixtures("each_gdb")
def test_go(go_program):
    """Go's registers are seen; a call whose stack grows is seen twice, as the same values."""
    samples = sample(request(go_program, "main.insert", hits=40))
    seen = [(hit.registers["rbx"], hit.registers["rdi"]) for hit in samples.hits]
    assert len(seen) == 40
    assert set(seen) == {(10 + n, 3 * n) for n in range(len(set(seen)))}
    assert len(set(seen)) < len(seen)


def test_own_command_goes_on(build, capfd):
    """A command that the caller has started goes on by itself when all is seen, and nobody holds it."""
    binary = build("calls.c", "-O2", "-pie", "-pthread")
    argv = (binary, "-n", "200", "-p", "5000")
    with Target.start([str(word) for word in argv]) as target:
        samples = sample(request(binary, "insert", *argv), target)
        assert len(samples.hits) == 8
        assert samples.ended is None
        assert is_free(target.pid)
        assert target.wait(20).status == 7
    assert capfd.readouterr().out == f"sum {expected_sum(200, target.pid)}\n"


def expected_sum(calls, tid):
    return sum(100 + 7 * i - 3 * (i + 1) + i // 2 + (tid & 1) for i in range(calls))


def test_command_is_ended(build):
    """A command that the sampling itself has started is ended after it."""
    binary = build("calls.c", "-O2", "-pie", "-pthread")
    samples = sample(request(binary, "insert", binary, "-n", "-1", "-p", "1000"))
    assert len(samples.hits) == 8
    assert samples.ended is not None and samples.ended.by_us


def test_binary_by_descriptor(build, tmp_path):
    """The file that is open is sampled, whatever its name stands for by now."""
    binary = tmp_path / "calls"
    binary.write_bytes(build("calls.c", "-O2", "-pie", "-pthread").read_bytes())
    binary.chmod(0o755)
    asked = request(binary, "insert")
    with binary.open("rb") as file, Target.start([str(binary)]) as target:
        binary.rename(tmp_path / "moved")
        samples = sample(attrs.evolve(asked, binary=f"/proc/self/fd/{file.fileno()}"), target)
    assert len(samples.hits) == 8


def test_scripts_of_a_binary_are_not_run(build, tmp_path, monkeypatch):
    """A binary that brings a script doesn't get it executed, by a gdb that trusts it and reads its symbols."""
    made = tmp_path / "made"
    source = tmp_path / "script.S"
    code = f"gdb.inlined\\nopen('{made}', 'w')\\n"
    source.write_text(
        '.section .debug_gdb_scripts,"MS",@progbits,1\n.byte 4\n' + f'.asciz "{code}"\n'
    )  # the format: gdb's manual, dotdebug_gdb_scripts section
    binary = build("calls.c", "-O0", "-pie", "-pthread", str(source))
    trusting = tmp_path / "gdb"
    trusting.write_text("#!/bin/sh\nexec gdb -iex 'set auto-load safe-path /' \"$@\"\n")
    trusting.chmod(0o755)
    monkeypatch.setenv("TRACEKIT_GDB", str(trusting))
    subprocess.run([trusting, "-nx", "-batch", "-ex", f"file {binary}"], check=True, capture_output=True)
    assert made.exists()
    made.unlink()
    samples = sample(request(binary, "insert", after=after_prologue(binary, "insert")))
    assert len(samples.hits) == 8 and samples.hits[0].after
    assert not made.exists()
