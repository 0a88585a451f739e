#!/usr/bin/env python3
"""Runs the eBPF engine on other kernels, and on arm64, in virtual machines; what it counts must be exact.

    python -m tools.kernels [KERNEL | CASE]…

boots each kernel (all of them, if none is named) with qemu and runs the main job and cases of the conformance
matrix inside: all cases, or a choice of them where the processor is emulated. A machine has no disk and no
network: its files come with the kernel, and its results back over the serial line.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.conformance.case import cases
from tools.engines import BOUND, EnginesError, kit_folder
from tools.machines import KERNELS, PROCESSORS, kernel, own_files, system

FOLDER = kit_folder().with_name("tracekit-kernels")


EMULATED = [
    "entry", "entry-offset", "entry-wildcard", "entry-two-clauses", "entry-before-main", "return",
    "return-recursion", "arithmetic", "division", "memory", "memory-extremes", "string", "string-filter",
    "string-cut", "string-sized", "string-unreadable", "key-function", "key-numbers", "key-cpu", "comm", "hist",
    "hist-3", "lhist", "llquantize", "stats", "extremes", "sum", "elapsed", "elapsed-recursion", "usdt",
    "syscall-entry", "syscall-return", "interval", "profile", "threads", "threads-keys", "forks-follow",
    "attached", "library", "static", "stripped-address", "name", "name-struct", "name-go", "name-cxx",
    "stack-arguments", "return-narrow", "late", "exec",
]  # fmt: skip
"""The cases that are run where the processor is emulated: some of each kind."""

SECONDS = 1500
"""How long a machine may run."""


def boot(name: str, wanted: Sequence[str], folder: Path) -> Iterator[str]:
    """Runs a machine and yields what it prints."""
    processor = PROCESSORS[KERNELS[name][1]]
    emulated = processor.name != os.uname().machine or not os.access("/dev/kvm", os.W_OK)
    image, files = kernel(name, folder), system(processor, folder)
    arguments = ["--few"] if emulated else []
    own_archive = own_files(processor, [*arguments, *(wanted or (EMULATED if emulated else cases()))], folder)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".partial") as initrd:
        for part in (files, own_archive):
            with part.open("rb") as file:
                shutil.copyfileobj(file, initrd)
        initrd.flush()
        command = [
            *BOUND, "timeout", "--kill-after=5", str(SECONDS), *processor.machine, "-smp", "2", "-m", "3072",
            "-display", "none", "-monitor", "none", "-nic", "none", "-no-reboot", "-serial", "stdio",
            "-kernel", str(image), "-initrd", initrd.name,
            "-append", f"console={processor.console} panic=-1 loglevel=4 rdinit=/init",
        ]  # fmt: skip
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace"
        ) as machine:
            assert machine.stdout is not None
            for line in machine.stdout:
                yield line.rstrip()


def run(name: str, wanted: Sequence[str], folder: Path) -> bool:
    """Runs a machine and prints what came of it; False if anything is wrong."""
    print(f"== {name}", flush=True)
    good = ended = False
    rows: list[dict[str, str]] = []
    log = folder / f"{name}.log"
    with log.open("w") as kept:
        for line in boot(name, wanted, folder):
            print(line, file=kept, flush=True)
            if line.startswith("@ "):
                row = json.loads(line[2:])
                ended = ended or row["outcome"] == "end"
                rows.append(row)
                print(f"{row['outcome']:8} {row['name']:22} {row['text']}", flush=True)
            elif line.startswith("@dmesg"):
                print(line, flush=True)
    counts = {word: sum(r["outcome"] == word for r in rows) for word in ("equal", "refused", "wrong")}
    good = ended and not counts["wrong"] and counts["equal"] > 0
    said = ", ".join(f"{count} {word}" for word, count in counts.items())
    print(f"== {name}: {said}" + ("" if ended else f"; it did not come to its end, see {log}"), flush=True)
    return good


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs machines and returns the exit status."""
    parser = argparse.ArgumentParser(description="The eBPF engine on other kernels, in virtual machines.")
    parser.add_argument(
        "names", nargs="*", help=f"kernels ({', '.join(KERNELS)}), and cases (else some or all)"
    )
    names = parser.parse_args(arguments).names
    wanted = [name for name in names if name not in KERNELS]
    if unknown := [name for name in wanted if name not in cases()]:
        parser.error(f"there is no kernel and no case {unknown[0]!r}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        results = [run(name, wanted, FOLDER) for name in ([n for n in names if n in KERNELS] or KERNELS)]
    except (EnginesError, OSError, subprocess.SubprocessError) as error:
        print(f"kernels: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        for left in FOLDER.glob("*.partial"):
            subprocess.run(["rm", "-rf", "--one-file-system", "--", left], check=True)
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
