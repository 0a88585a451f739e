"""Whether a process is as it would be without tracekit, and whether anything of a run is left."""

from __future__ import annotations

import os
from pathlib import Path

from tests.faults.processes import fields


def marks_on(pid: int, stopped: bool = False) -> list[str]:
    """What a tracer has left on a process that runs: one sentence for each mark.

    Args:
        pid: the process.
        stopped: whether it is no mark that it is stopped, since a test has stopped it.
    """
    found = fields(pid)
    if not found or found["State"][0] in "XZ":
        return ["it has ended"]
    marks = []
    if found["State"][0] == "t" or (found["State"][0] == "T" and not stopped):
        marks.append(f"it is stopped: {found['State']}")
    if found["TracerPid"] != "0":
        marks.append(f"process {found['TracerPid']} holds it")
    return marks + [f"other code than its file's at {place}" for place in changed_code(pid)]


def changed_code(pid: int) -> list[str]:
    """The mappings of a process's program whose code in memory isn't that of the file.

    Of the program only, of which nobody else has a copy: a probe in a library may be another's.
    """
    changed = []
    for line in Path(f"/proc/{pid}/maps").read_bytes().splitlines():
        addresses, permissions, offset, *_ = line.decode(errors="replace").split()
        start, end = (int(number, 16) for number in addresses.split("-"))
        mapped = f"/proc/{pid}/map_files/{start:x}-{end:x}"
        try:
            # By its mapping: the path may be another file's by now.
            if "x" not in permissions or not os.path.samefile(mapped, f"/proc/{pid}/exe"):
                continue
            with open(mapped, "rb") as file, open(f"/proc/{pid}/mem", "rb") as memory:
                memory.seek(start)
                file.seek(int(offset, 16))
                code = file.read(end - start)
                if memory.read(len(code)) != code:
                    changed.append(addresses)
        except FileNotFoundError:  # no file is mapped there
            continue
    return changed


def named_probes() -> list[str]:
    """The kernel's uprobes that have names, as dtrace's have; none where there is no tracefs."""
    try:
        return Path("/sys/kernel/tracing/uprobe_events").read_text(errors="replace").splitlines()
    except OSError:
        return []
