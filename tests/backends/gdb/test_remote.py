"""Sampling through gdb's remote protocol: arm64 programs in qemu-user."""

import shutil
import struct
import subprocess

import pytest
from tests.backends.gdb.helpers import address_of, after_prologue, until

from tracekit.backends.gdb.sampler import sample
from tracekit.calibrate.samples import Remote, SampleRequest
from tracekit.errors import EngineError

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
        popen = subprocess.Popen(["qemu-aarch64", "-g", socket_path, binary, *words], stdout=subprocess.PIPE)
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
    process = emulated(binary, tmp_path / "socket")
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


def test_nobody_listens(build, tmp_path):
    """A socket at which nobody listens is an error with gdb's reason."""
    binary = build("calls.c", "-O2", "-static", "-pthread", compiler="aarch64-linux-gnu-gcc")
    remote = Remote(str(tmp_path / "none"))
    with pytest.raises(EngineError, match="No such file"):
        sample(SampleRequest(str(binary), address_of(binary, "insert"), "aarch64", remote))
