"""Refuses maps that would not fit into memory, before the kernel or a result finds that out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from tracekit.backends.base import Options
from tracekit.backends.plan import KeyKind, plan_of
from tracekit.core.program import Program
from tracekit.errors import UsageError

_ENTRY_BYTES: Final = 96
"""What an entry of a kernel's hash takes besides its key and its figures: ``struct htab_elem``, its bucket, its
share of a page."""
_FIGURE_BYTES: Final = 8
"""What it takes for each processor."""
_ROW_BYTES: Final = 600
"""What a row of the result takes in tracekit, text included (docs/measurements.md, "Output is read …")."""
_STACK_BYTES: Final = 500
"""What a part of a stack takes, in the kernel (see ``backends/bpf/stacks.py``)."""
_UNLIMITED: Final = 1 << 60


def check_room(program: Program, options: Options) -> None:
    """Refuse a ``max_keys`` for which there is no memory.

    Args:
        program: has no unresolved names.
        options: see ``Options``.

    Raises:
        UsageError: if there isn't.
    """
    free = free_bytes()
    needed = needed_bytes(program, options, os.cpu_count() or 1)
    if free is not None and needed > free:
        raise UsageError(
            f"--max-keys {options.max_keys} may need {_shown(needed)} for this program's maps and their "
            f"result, and {_shown(free)} are free",
            "Give a smaller --max-keys, or use fewer keys; --no-exact needs a fifth for histograms.",
        )


def needed_bytes(program: Program, options: Options, processors: int) -> int:
    """What full maps take in the kernel, which has all of it from the start, and their result in tracekit."""
    plan = plan_of(program, options, 0, ())
    total = 0
    for m in plan.maps:
        if m.keys:
            strings = sum(options.max_string for key in m.keys if key.kind in (KeyKind.STRING, KeyKind.COUNTED))
            entry = _ENTRY_BYTES + 8 * (len(m.keys) + 1) + strings + _FIGURE_BYTES * processors
            total += len(m.parts) * options.max_keys * (entry + _ROW_BYTES)
    if any(key.kind is KeyKind.STACK for m in plan.maps for key in m.keys):
        total += options.max_keys * _STACK_BYTES
    return total


def free_bytes() -> int | None:
    """How much memory may still be taken, by the machine and our control groups; None if that isn't known."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            machine = next(int(line.split()[1]) << 10 for line in file if line.startswith("MemAvailable:"))
        return min(machine, *_left_in_groups())
    except (OSError, StopIteration, ValueError):
        return None


def _left_in_groups() -> Iterator[int]:
    """What each control group of ours, and each above it, has left."""
    yield _UNLIMITED
    with open("/proc/self/cgroup", encoding="utf-8", errors="replace") as file:
        lines = [line.rstrip("\n").split(":", 2) for line in file]
    for number, controllers, path in lines:
        if number == "0":
            root, most, used = "/sys/fs/cgroup", "memory.max", "memory.current"
        elif "memory" in controllers.split(","):
            root, most, used = "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        parts = [part for part in path.split("/") if part]
        for depth in range(len(parts) + 1):
            folder = os.path.join(root, *parts[:depth])
            limit, usage = _number(os.path.join(folder, most)), _number(os.path.join(folder, used))
            if limit is not None and usage is not None:
                yield max(0, limit - usage)


def _number(path: str) -> int | None:
    """The number in a file; None if there is no file, or a word for no limit."""
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def _shown(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count / (1 << 20):.0f} MiB"
