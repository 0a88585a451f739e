"""Sampling through gdb's remote protocol: arm64 programs in qemu-user."""

import re
import shutil
import struct
import subprocess

import pytest
from tests.backends.gdb.helpers import address_of, after_prologue, until

from tracekit.backends.gdb.sampler import sample
from tracekit.calibration.samples import Remote, SampleRequest
from tracekit.core.verdict import Verdict
from tracekit.errors import EngineError, TargetError
from tracekit.workflow.calibrate import calibrate

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        not all(map(shutil.which, ("qemu-aarch64", "gdb-multiarch", "aarch64-linux-gnu-gcc"))),
        reason="needs qemu-user, gdb-multiarch and a compiler for arm64",
    ),
]


@pytest.fixture
def emulated():
    """A function that starts a program in qemu, which waits for a debugger at a socket."""
    processes = []

    def start(binary, socket_path, *words):
        command = ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", "-g", socket_path, binary, *words]
        popen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        processes.append(popen)
        until(socket_path.exists)
        return popen

    yield start
    for popen in processes:
        popen.kill()
        popen.communicate()


@pytest.mark.parametrize("optimisation", ["-O0", "-O2"])
def test_arm64(build, emulated, tmp_path, optimisation):
    """Registers, vectors and memory of an arm64 program are seen; it then goes on to its own end."""
    binary = build("calls.c", optimisation, "-static", "-pthread", compiler="aarch64-linux-gnu-gcc")
    after = after_prologue(binary, "insert") if optimisation == "-O0" else None
    process = emulated(binary, tmp_path / "socket", "-n", "20")
    samples = sample(
        SampleRequest(
            str(binary), address_of(binary, "insert"), "aarch64", Remote(str(tmp_path / "socket")), after=after
        )
    )
    assert len(samples.hits) == 8
    for index, hit in enumerate(samples.hits):
        assert hit.memory["x0"].startswith(b"hello\0")
        assert hit.registers["x1"] == 100 + 7 * index
        assert hit.registers["x2"] & 0xFFFFFFFF == ((index + 1) * -3) & 0xFFFFFFFF
        assert struct.unpack("<d", hit.vectors["v0"][:8]) == (index / 2,)
        assert hit.registers["pc"] == address_of(binary, "insert")
        if after:
            assert hit.after["value"] == struct.pack("<QQ", hit.registers["x0"], hit.registers["x1"])
    assert samples.ended is None
    assert process.wait(20) == 7


def test_arm64_that_ends_first(build, emulated, tmp_path):
    """A program that ends before all is seen is reported with its status."""
    binary = build("calls.c", "-O2", "-static", "-pthread", compiler="aarch64-linux-gnu-gcc")
    emulated(binary, tmp_path / "socket", "-n", "2")
    remote = Remote(str(tmp_path / "socket"))
    samples = sample(SampleRequest(str(binary), address_of(binary, "insert"), "aarch64", remote))
    assert (len(samples.hits), samples.ended.status) == (2, 7)


@pytest.mark.usefixtures("each_multiarch")
@pytest.mark.parametrize("kind", ["-static", "-pie"])
def test_calibrate(build, emulated, tmp_path, kind):
    """Arguments of an arm64 program are confirmed wherever its stub has loaded it; it goes on afterwards."""
    binary = build("calls.c", "-O0", "-pthread", kind, compiler="aarch64-linux-gnu-gcc")
    process = emulated(binary, tmp_path / "socket", "-n", "20")
    found = calibrate(str(binary), "insert", Remote(str(tmp_path / "socket")), store=False)
    known = {name: found.calibration.argument(name).known[-1] for name in ("value", "key", "weight")}
    assert {part.verdict for part in known.values()} == {Verdict.VERIFIED}
    assert process.wait(20) == 7


def test_another_program(build, emulated, tmp_path):
    """A stub that runs something else than the binary is refused, and goes on with it."""
    binary = build("calls.c", "-O2", "-static", "-pthread", compiler="aarch64-linux-gnu-gcc")
    other = build("calls.c", "-O0", "-static", "-pthread", compiler="aarch64-linux-gnu-gcc")
    process = emulated(other, tmp_path / "socket", "-n", "20")
    with pytest.raises(TargetError, match="has other code at"):
        calibrate(str(binary), "insert", Remote(str(tmp_path / "socket")), store=False)
    assert process.wait(20) == 7


def test_gdb_for_one_processor(build, emulated, tmp_path, monkeypatch):
    """A gdb that doesn't know the processor says so, and names the one that does."""
    monkeypatch.setenv("TRACEKIT_GDB", "gdb")
    binary = build("calls.c", "-O2", "-static", "-pthread", compiler="aarch64-linux-gnu-gcc")
    emulated(binary, tmp_path / "socket")
    with pytest.raises(EngineError, match=re.escape("it doesn't know aarch64, but gdb-multiarch does")):
        calibrate(str(binary), "insert", Remote(str(tmp_path / "socket")), store=False)


def test_nobody_listens(build, tmp_path):
    """A socket at which nobody listens is an error with gdb's reason."""
    binary = build("calls.c", "-O2", "-static", "-pthread", compiler="aarch64-linux-gnu-gcc")
    remote = Remote(str(tmp_path / "none"))
    with pytest.raises(EngineError, match="No such file"):
        sample(SampleRequest(str(binary), address_of(binary, "insert"), "aarch64", remote))
