"""What the tests of gdb share."""

import subprocess
import time
from pathlib import Path

from tracekit.calibration.samples import SampleRequest
from tracekit.core.target import Command, Pids

PROGRAMS = Path(__file__).parent / "programs"


def address_of(binary, function):
    """The virtual address of a function in the binary's own numbering."""
    table = subprocess.run(["nm", binary], check=True, capture_output=True, text=True).stdout
    return next(int(row[0], 16) for row in map(str.split, table.splitlines()) if row[-1] == function)


def after_prologue(binary, function):
    """The address of a function's second row in the line table."""
    text = subprocess.run(
        ["objdump", "--dwarf=decodedline", binary], check=True, capture_output=True, text=True
    ).stdout
    rows = [line.split() for line in text.splitlines()]
    found = sorted({int(row[2], 16) for row in rows if len(row) > 3 and row[2].startswith("0x")})
    return found[found.index(address_of(binary, function)) + 1]


def request(binary, function, *argv, pid=None, **options):
    """A request for a function of a binary that a command, or a process, runs."""
    target = Pids((pid,)) if pid else Command(tuple(map(str, argv or (binary,))))
    return SampleRequest(str(binary), address_of(binary, function), "x86_64", target, **options)


def fields(pid):
    """The fields of ``/proc/PID/status``; none if there is no such process."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def is_free(pid):
    """Whether a process lives, runs or sleeps, and is held by nobody."""
    found = fields(pid)
    return bool(found) and found["State"][0] in "RSD" and found["TracerPid"] == "0"


def until(condition, timeout=20.0):
    """Waits for a condition; returns its value, and fails if it never comes true."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)
    return value
