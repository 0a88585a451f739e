#!/usr/bin/env python3
"""Runs the eBPF engine on other kernels, and on arm64, in virtual machines; what it counts must be exact.

    python -m tools.kernels [KERNEL | CASE]…

boots each kernel (all of them, if none is named) with qemu, which emulates the processor, and runs the main
job and cases of the conformance matrix inside. A machine has no disk and no network: its files come with the
kernel, and its results back over the serial line.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.conformance.case import cases
from tools.engines import BOUND, EnginesError, kit_folder
from tools.machines import KERNELS, PROCESSORS, kernel, own_files, system

FOLDER = kit_folder().with_name("tracekit-kernels")

SOME = [
    "entry", "entry-offset", "entry-wildcard", "return", "return-recursion", "stats", "extremes", "sum",
    "hist", "lhist", "llquantize", "division", "memory", "memory-extremes", "string", "string-filter",
    "string-sized", "string-unreadable", "key-function", "key-numbers", "elapsed", "elapsed-recursion",
    "usdt", "syscall-entry", "syscall-return", "threads-keys", "forks-follow", "attached", "library",
    "name-struct", "name-go", "name-cxx", "stack-arguments", "comm", "profile", "ustack",
]  # fmt: skip
"""The cases that are run where none is named: some of each kind."""

SECONDS = 1500
"""How long a machine may run."""


def boot(name: str, wanted: Sequence[str]) -> Iterator[str]:
    """Runs a machine and yields what it prints."""
    processor = PROCESSORS[KERNELS[name][1]]
    with tempfile.TemporaryDirectory(".partial", dir=FOLDER) as folder:
        work = Path(folder)
        image, files = kernel(name, FOLDER, work), system(processor, FOLDER, work)
        own, initrd = own_files(processor, wanted or SOME, work), work / "initrd"
        with initrd.open("wb") as both:
            for part in (files, own):
                both.write(part.read_bytes())
        command = [
            *BOUND, "timeout", "--kill-after=5", str(SECONDS), *BOUND, *processor.machine,
            "-smp", "2", "-m", "2048", "-display", "none", "-monitor", "none", "-nic", "none", "-no-reboot",
            "-serial", "stdio",
            "-kernel", image, "-initrd", initrd,
            "-append", f"console={processor.console} panic=-1 loglevel=4 rdinit=/init",
        ]  # fmt: skip
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace"
        ) as machine:
            assert machine.stdout is not None
            for line in machine.stdout:
                yield line.rstrip()


def run(name: str, wanted: Sequence[str]) -> bool:
    """Runs a machine and prints what came of it; False if anything is wrong."""
    print(f"== {name}", flush=True)
    ended = False
    rows: list[dict[str, str]] = []
    log = FOLDER / f"{name}.log"
    with log.open("w") as kept:
        for line in boot(name, wanted):
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
        results = [run(name, wanted) for name in ([n for n in names if n in KERNELS] or KERNELS)]
    except (EnginesError, OSError, subprocess.SubprocessError) as error:
        print(f"kernels: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
