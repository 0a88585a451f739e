"""The helper that runs as root, as a process: what it is, what it refuses, and what it leaves."""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from tools.with_capabilities import command

from tracekit import process
from tracekit.backends.bpf import elevated, kernel, passing, privileged
from tracekit.backends.bpf.elevated import Elevated
from tracekit.errors import EngineError

HASH = 1
NOTHING = struct.pack("=QQ", 0xB7, 0x95)
BPF_AND_PERFMON = 1 << 39 | 1 << 38
SECONDS = 30

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may load eBPF programs"),
]


@pytest.fixture
def helper():
    with Elevated.start(None) as found:
        yield found


def test_it_hands_back_descriptors_that_outlive_it():
    """A map that it makes is ours to read and write, also once it has ended, as it does with the connection."""
    with Elevated.start(None) as helper:
        made = helper.create_map(HASH, 4, 8, 10, "numbers")
        pid = helper._engine.pid
    assert not os.path.exists(f"/proc/{pid}")
    try:
        kernel.update(made, struct.pack("=I", 7), struct.pack("=Q", 42))
        assert kernel.lookup(made, struct.pack("=I", 7), 8) == struct.pack("=Q", 42)
        assert not os.get_inheritable(made)
    finally:
        os.close(made)


def test_it_keeps_nothing(helper):
    """What it has handed over, and what it was given, it has closed by the next answer."""

    def descriptors() -> list[str]:
        with pytest.raises(OSError, match=r"\[Errno (2|19)\]"):  # without tracefs, the second
            helper.describe("no_such", "tracepoint")
        return sorted(os.listdir(f"/proc/{helper._engine.pid}/fd"))

    before = descriptors()
    made = helper.create_map(HASH, 4, 8, 10, "numbers")
    program = helper.load_program(2, NOTHING, [made], sleeps=False, attach=0, name="nothing")
    os.close(made)
    os.close(program)
    assert descriptors() == before


def test_maps_are_told_by_their_places(helper):
    """A program's map is the one that came along, whatever number it has here and there."""
    made = [helper.create_map(HASH, 4, 8, 10, f"m{n}") for n in range(3)]
    # r1 = map 1; r0 = 0; exit
    code = struct.pack("<BBhiQ", 0x18, 0x11, 0, 1, 0) + NOTHING
    program = helper.load_program(2, code, made, sleeps=False, attach=0, name="maps")
    try:
        told = kernel_maps(program)
        assert told == [number_of(made[1])]
    finally:
        for descriptor in (*made, program):
            os.close(descriptor)


def number_of(map_: int) -> int:
    """The kernel's number of a map."""
    return fdinfo(map_, "map_id")


def fdinfo(descriptor: int, name: str) -> int:
    text = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name}:"))


def kernel_maps(program: int) -> list[int]:
    """The numbers of the maps that a program uses: ``struct bpf_prog_info``, nr_map_ids and map_ids."""
    import ctypes

    numbers = (ctypes.c_uint32 * 8)()
    info = ctypes.create_string_buffer(232)
    struct.pack_into("=IIIIIIQQQIIQ", info, 0, *[0] * 6, *[0] * 3, 0, 8, ctypes.addressof(numbers))
    kernel._bpf(15, struct.pack("=IIQ", program, 232, ctypes.addressof(info)))
    return list(numbers[: struct.unpack_from("=I", info, 52)[0]])


def test_the_kernels_refusals_come_back(helper):
    """An error of the kernel's is the same as without the helper, the verifier's words included."""
    with pytest.raises(OSError, match=os.strerror(22)):
        helper.create_map(HASH, 0, 8, 10, "no_key")
    program = helper.load_program(2, NOTHING, [], sleeps=False, attach=48, name="many")
    with pytest.raises(OSError, match=os.strerror(9)):
        helper.attach_many(program, "/", [0], [0], [], returns=False, pid=0)
    os.close(program)
    with pytest.raises(kernel.VerifierError) as caught:
        helper.load_program(2, struct.pack("=Q", 0xB7), [], sleeps=False, attach=0, name="no_end")
    assert caught.value.log
    os.close(helper.create_map(HASH, 4, 8, 10, "after"))


def test_it_has_the_rights_for_ebpf_and_no_others(helper):
    """Though root's, it has CAP_BPF and CAP_PERFMON alone, and an exec gives it none."""
    os.close(helper.create_map(HASH, 4, 8, 10, "ready"))
    lines = Path(f"/proc/{helper._engine.pid}/status").read_text().splitlines()
    said = dict(line.split(":\t", 1) for line in lines)
    assert {int(said[name], 16) for name in ("CapEff", "CapPrm")} == {BPF_AND_PERFMON}
    assert int(said["CapInh"], 16) == int(said["CapAmb"], 16) == 0 and said["NoNewPrivs"] == "1"


@pytest.mark.parametrize(
    "sent",
    [b"\xff\xff\xff\xff", b"\3\0\0\0[1]", b"\2\0\0\0{}", b"\1\0\0\0["],
    ids=["length", "list", "object", "no JSON"],
)
def test_what_is_malformed_ends_it(helper, sent):
    """Bytes that are no request end it, with the reason; so does what comes after."""
    helper._connection.sendall(sent)
    with pytest.raises(EngineError, match=r"has ended .*a request was refused"):
        helper.create_map(HASH, 4, 8, 10, "after")
    assert helper._engine.wait(SECONDS) == 2


def test_a_request_that_is_not_ours_ends_it(helper):
    """A program that would write to the target is never loaded."""
    writes = struct.pack("<BBhi", 0x85, 0, 0, 36) + NOTHING
    with pytest.raises(EngineError, match="a request was refused"):
        helper.load_program(2, writes, [], sleeps=False, attach=0, name="writes")


def test_a_helper_that_is_killed_is_told(helper):
    """Where it dies before all probes are in place, that is an error, and not one of the kernel's."""
    os.kill(helper._engine.pid, signal.SIGKILL)
    assert helper._engine.wait(SECONDS) == -signal.SIGKILL
    with pytest.raises(EngineError, match=r"the helper that places probes as root has ended \(status -9\)"):
        helper.create_map(HASH, 4, 8, 10, "after")


def test_too_few_descriptors_here(helper):
    """Where there is no room for what it made, that is told, and nothing is left of it."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = max(map(int, os.listdir("/proc/self/fd")))
    filled = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most + 1, hard))
        with contextlib.suppress(OSError):
            while True:
                filled.append(os.dup(0))
        with pytest.raises(OSError, match=os.strerror(24)):
            helper.create_map(HASH, 4, 8, 10, "no_room")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in filled:
            os.close(descriptor)


def start(name: str, uid: int, **options: object) -> subprocess.Popen[str]:
    """The helper, for a socket and a user."""
    argv = [sys.executable, "-I", "-S", "-B", privileged.__file__, name, str(uid)]
    return subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, **options)


@contextlib.contextmanager
def listening(name: str):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.settimeout(SECONDS)
        listener.bind(f"\0{name}")
        listener.listen()
        yield listener


def test_it_serves_only_who_has_started_it():
    """Where another user has the socket by now, it does nothing of what that one asks for."""
    name = f"tracekit-test-{os.urandom(8).hex()}"
    with listening(name) as listener, start(name, 12345) as helper:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(ConnectionError):
            connection.settimeout(SECONDS)
            words = {"kind": HASH, "key": 4, "value": 8, "entries": 10, "name": "theirs"}
            passing.send(connection, ["create_map", words])
            assert passing.receive(connection) == (None, [])
        assert helper.wait(SECONDS) == 2


def test_tracekit_listens_to_root_alone():
    """Whoever else connects in the helper's place is turned away, and the helper is waited for."""
    name = f"tracekit-test-{os.urandom(8).hex()}"
    with (
        listening(name) as listener,
        socket.socket(socket.AF_UNIX) as stranger,
        socket.socket(socket.AF_UNIX) as root,
        process.Engine.start(["sleep", "1000"], env={"PATH": os.defpath}, name="bpf") as engine,
    ):
        os.seteuid(65534)
        try:
            stranger.connect(f"\0{name}")
        finally:
            os.seteuid(0)
        root.connect(f"\0{name}")
        root.sendall(b"root")
        with elevated._accept(listener, engine) as connection:
            connection.settimeout(SECONDS)
            assert connection.recv(4) == b"root"
        stranger.settimeout(SECONDS)
        assert stranger.recv(1) == b""


def test_a_helper_that_does_not_come_is_told():
    """Where it can't be started, that is an error with what was said."""
    with (
        listening(f"tracekit-test-{os.urandom(8).hex()}") as listener,
        process.Engine.start(
            ["sh", "-c", "echo not today >&2; exit 3"], env={"PATH": os.defpath}, name="bpf"
        ) as engine,
        pytest.raises(EngineError, match=r"has ended \(not today\)"),
    ):
        elevated._accept(listener, engine)


def test_root_that_may_not_load_programs():
    """As root of a container without the capabilities it says so, in words, and connects to nobody."""
    argv = [sys.executable, "-I", "-S", "-B", privileged.__file__, "tracekit-test-none", "0"]
    done = subprocess.run(command(0, ["dac_override"], argv), capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 1
    assert done.stderr == "root may not load eBPF programs here: Operation not permitted\n"


def test_it_executes_little():
    """Of tracekit, it reads the files that its page names, and nothing of installed packages."""
    name = f"tracekit-test-{os.urandom(8).hex()}"
    argv = [sys.executable, "-I", "-S", "-B", "-X", "importtime", privileged.__file__, name, "0"]
    said = subprocess.run(argv, capture_output=True, text=True, timeout=SECONDS).stderr
    ours = {line.split("|")[-1].strip() for line in said.splitlines() if "tracekit." in line.split("|")[-1]}
    assert ours == {f"tracekit.backends.bpf.{n}" for n in ("kernel", "helpers", "passing", "requests")}
    assert "attrs" not in said and "ConnectionRefusedError" in said
