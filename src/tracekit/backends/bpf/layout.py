"""What a run keeps in the kernel: its maps, and what their bytes mean. Pure.

All counters of a run, and the moments of maps without keys, are words of one value, ``counters``, which each
processor has for itself. Besides, a map of the program has up to two maps in the kernel:

====  =====================================================================================================
name  holds
====  =====================================================================================================
``b``  by keys and the bucket's number (or by that alone, as an array): how many events
``m``  by keys: the moments
====  =====================================================================================================

Moments are words: the count; the sum's low 64 bits, and the sum of the values' upper halves, which tells where
the sum is (see ``whole_sum``); the least and the greatest value. A least
value is kept as the greatest of its complement, so that 0, what a new entry has, comes before every other.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from tracekit.backends.bpf.bucketing import size_of
from tracekit.backends.plan import KeyKind, KeyPlan, MapPlan, Plan, word
from tracekit.values import frozen

COUNTERS: Final = "counters"
CONTROL: Final = "control"
TARGETS: Final = "targets"


UNFOLLOWED: Final = "unfollowed"
"""The counter of processes that found no room among those that count."""
STACKS: Final = "stacks"

COMM: Final = 16
"""``TASK_COMM_LEN`` in ``include/linux/sched.h``."""

FRAME: Final = 32
"""Bytes of a frame; see ``stacks``."""

FRAMES: Final = 12
"""How many frames a part of a stack has: as many as fit into a program's memory besides all else."""

NODE: Final = 8 + FRAME * FRAMES
"""Bytes of a part: the number of the part before it, and its frames."""


class FrameKind(enum.IntEnum):
    """What a frame is told by: the kernel's ``BPF_STACK_BUILD_ID_VALID`` and ``_IP``; and our own."""

    NONE = 0
    FILE = 1
    ADDRESS = 2
    CALLER = 3


class MapKind(enum.Enum):
    """A map's type, by its number in ``enum bpf_map_type`` in ``include/uapi/linux/bpf.h``."""

    HASH = 1
    ARRAY = 2
    PERCPU_HASH = 5
    PERCPU_ARRAY = 6


@frozen
class KernelMap:
    """A map in the kernel.

    Attributes:
        name: its name in our programs.
        kind: its type.
        key_size: bytes of a key.
        value_size: bytes of a value, of one processor.
        entries: how many it holds at most.
    """

    name: str
    kind: MapKind
    key_size: int
    value_size: int
    entries: int


class Control(enum.IntEnum):
    """The words of ``control``, which all processors share."""

    SEEN = 0
    OVER = 1
    BEGAN = 2
    SINCE = 3
    WINDOW = 4
    STACKS = 5

    @property
    def offset(self) -> int:
        """Bytes from the value's start."""
        return 8 * self


@frozen
class Layout:
    """Where everything is that a run counts.

    Attributes:
        plan: the program's maps.
        words: the counters' and moments' places, in bytes, by their names.
    """

    plan: Plan
    words: Mapping[str, int]

    @property
    def maps(self) -> tuple[KernelMap, ...]:
        """The maps in the kernel."""
        found = [KernelMap(COUNTERS, MapKind.PERCPU_ARRAY, 4, 8 * len(self.words), 1)]
        for plan in self.plan.maps:
            keys, room = key_bytes(plan), self.plan.max_keys
            if plan.scheme is not None and plan.type is not None:
                buckets = size_of(plan.scheme, word(plan.type))
                if plan.keys:
                    found.append(KernelMap(f"b{plan.number}", MapKind.PERCPU_HASH, keys + 8, 8, room))
                else:
                    found.append(KernelMap(f"b{plan.number}", MapKind.PERCPU_ARRAY, 4, 8, buckets))
            if plan.keys and (size := 8 * len(moments(plan))):
                found.append(KernelMap(f"m{plan.number}", MapKind.PERCPU_HASH, keys, size, room))
        if any(key.kind is KeyKind.STACK for m in self.plan.maps for key in m.keys):
            # The last one: a snapshot finds in it what the maps before it point at.
            found.append(KernelMap(STACKS, MapKind.HASH, NODE, 8, self.plan.max_keys))
        return tuple(found)


def layout_of(plan: Plan) -> Layout:
    """Give each counter its place."""
    names = [
        "h0", "h1", UNFOLLOWED,
        *(f"{word}{n}" for n in range(plan.clauses) for word in ("t", "f", "nostack", "noroom")),
        *(f"{letter}{n}" for n in plan.returns for letter in "er"),
        *(f"full{m.number}" for m in plan.maps),
        *(f"raced{m.number}" for m in plan.maps),
        *(f"{part}{m.number}" for m in plan.maps if not m.keys for part in moments(m)),
    ]  # fmt: skip
    return Layout(plan, {name: 8 * n for n, name in enumerate(names)})


def moments(plan: MapPlan) -> tuple[str, ...]:
    """The names of a map's moments, in order; ``low`` and ``high`` are of the sum."""
    parts = {"c": ("count",), "s": ("low", "high"), "n": ("least",), "x": ("most",)}
    return tuple(name for part in plan.parts if part in parts for name in parts[part])


def key_room(key: KeyPlan) -> int:
    """How many bytes a key takes in a map's key."""
    match key.kind:
        case KeyKind.INTEGER | KeyKind.FUNCTION | KeyKind.STACK:
            return 8
        case KeyKind.STRING:
            return string_room(key.most)
        case KeyKind.COUNTED:
            return string_room(key.most) + 8


def key_bytes(plan: MapPlan) -> int:
    """How many bytes all keys of a map take."""
    return sum(map(key_room, plan.keys))


def string_room(limit: int) -> int:
    """How many bytes a string of up to ``limit`` takes on the stack: one more is read, and a NUL."""
    return -(-(max(limit, COMM) + 2) // 8) * 8
