"""Runs a program under a gdb of our own, and gives the machine's state at every call of its functions."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

SCRIPT = Path(__file__).with_name("gdb_dump.py")
LONGEST = 600
"""Seconds after which a run has failed."""


class DumpError(Exception):
    """The program couldn't be run to its end under gdb."""


@attrs.frozen
class Hit:
    """The machine's state when a function is entered, before its first instruction.

    Attributes:
        address: the function's, in the binary's numbering.
        now: the program's ``tk_now``: 16 times the number of the function that is called, and the row.
        dyn: the program's ``tk_dyn``.
        registers: the general registers.
        vectors: the vector registers' 16 bytes.
        stack: memory from the stack pointer on.
        memory: memory behind registers and stack words that looked like pointers, by address.
    """

    address: int
    now: int
    dyn: bytes = attrs.field(repr=False)
    registers: dict[str, int] = attrs.field(repr=False)
    vectors: dict[str, bytes] = attrs.field(repr=False)
    stack: bytes = attrs.field(repr=False)
    memory: dict[int, bytes] = attrs.field(repr=False)

    @property
    def stack_pointer(self) -> int:
        """Where the stack starts."""
        return self.registers["rsp"] if "rsp" in self.registers else self.registers["sp"]

    def read(self, address: int, size: int) -> bytes | None:
        """Memory at an address; None if it wasn't written down."""
        for start, content in ((self.stack_pointer, self.stack), *self.memory.items()):
            if start <= address and address + size <= start + len(content):
                return content[address - start : address - start + size]
        return None


@attrs.frozen
class Dump:
    """A run.

    Attributes:
        base: what is added to the binary's addresses when it runs.
        status: the program's exit status; 0 says that every function got the values that were meant.
        hits: the calls, in order.
    """

    base: int
    status: int | None
    hits: list[Hit]


def dump(program: Path, machine: str, addresses: Sequence[int], *, entry: int, now: int, dyn: int) -> Dump:
    """Runs a program to its end.

    Args:
        program: the program's path.
        machine: as ``uname -m`` has it; another than this one's runs under qemu.
        addresses: where the functions are, in the binary's numbering.
        entry: where the program starts, in the same.
        now: where ``tk_now`` is.
        dyn: where ``tk_dyn`` is.

    Raises:
        DumpError: if the program or gdb fails.
    """
    with tempfile.TemporaryDirectory(prefix="tk-") as folder:
        out = Path(folder, "out")
        job: dict[str, Any] = {"machine": machine, "addresses": list(addresses), "entry": entry, "now": now}
        job |= {"dyn": dyn, "program": str(program), "out": str(out)}
        with contextlib.ExitStack() as stack:
            if machine != os.uname().machine:
                job["remote"] = stack.enter_context(_emulated(program, machine, Path(folder)))
            Path(folder, "job").write_text(json.dumps(job))
            _gdb(gdb_for(machine), folder)
        raw = pickle.loads(out.read_bytes())  # written by gdb_dump.py
    return Dump(raw["base"], raw["status"], [Hit(**hit) for hit in raw["hits"]])


def gdb_for(machine: str) -> str:
    """The gdb that knows a machine."""
    return "gdb" if machine == os.uname().machine else "gdb-multiarch"


def _gdb(gdb: str, folder: str) -> None:
    command = [gdb, "-nx", "-q", "-batch", "-iex", "set auto-load no", "-iex", "set debuginfod enabled off"]
    done = subprocess.run(
        [*command, "-x", str(SCRIPT)],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=LONGEST,
        cwd=folder,
        env=os.environ | {"TK_JOB": f"{folder}/job", "GOMAXPROCS": "1"},
    )
    if done.returncode or not Path(folder, "out").exists():
        raise DumpError(done.stdout[-3000:])


@contextlib.contextmanager
def _emulated(program: Path, machine: str, folder: Path) -> Iterator[str]:
    """Starts the program under qemu, which waits for gdb; gives where."""
    socket = folder / "qemu"
    emulator = shutil.which(f"qemu-{machine}") or shutil.which(f"qemu-{machine}-static")
    assert emulator, f"no qemu-{machine}"
    with (folder / "qemu.log").open("wb") as log:
        process = subprocess.Popen(
            [emulator, "-g", str(socket), str(program)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=os.environ | {"GODEBUG": "asyncpreemptoff=1", "GOMAXPROCS": "1"},
        )
        try:
            deadline = time.monotonic() + 20
            while not socket.exists() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            yield str(socket)
        finally:
            process.kill()
            process.wait()
