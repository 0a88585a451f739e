"""The kernel's functions that our eBPF programs call.

Source of the numbers and of what they take: ``include/uapi/linux/bpf.h``, ``___BPF_FUNC_MAPPER`` and the
comment above it, of which bpf-helpers(7) is made.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final


class Helper(enum.Enum):
    """A function of the kernel, by its number."""

    MAP_LOOKUP_ELEM = 1
    """``(map, key)``: the value's address, or 0."""

    MAP_UPDATE_ELEM = 2
    """``(map, key, value, flags)``: 0, or a negative error."""

    MAP_DELETE_ELEM = 3
    """``(map, key)``: 0, or a negative error."""

    KTIME_GET_NS = 5
    """``()``: nanoseconds since the boot, without those asleep."""

    GET_SMP_PROCESSOR_ID = 8
    """``()``: the number of the processor."""

    TAIL_CALL = 12
    """``(ctx, map, index)``: goes on in another program. 4.2"""

    GET_CURRENT_PID_TGID = 14
    """``()``: the process's id in the upper 32 bits, the thread's in the lower, of the first namespace."""

    GET_CURRENT_COMM = 16
    """``(buffer, size)``: 0, or a negative error."""

    GET_STACK = 67
    """``(ctx, buffer, size, flags)``: how many bytes are the stack's, or a negative error; the rest is 0."""

    PROBE_READ_USER = 112
    """``(buffer, size, address)``: 0, or a negative error, and then the buffer is zero."""

    PROBE_READ_USER_STR = 114
    """``(buffer, size, address)``: the bytes read with their NUL (of none, 0), or a negative error."""

    GET_NS_CURRENT_PID_TGID = 120
    """``(device, inode, buffer, 8)``: 0 and the ids in a pid namespace, or a negative error."""

    COPY_FROM_USER = 148
    """``(buffer, size, address)``: as PROBE_READ_USER, but waits for pages that aren't in memory."""

    GET_ATTACH_COOKIE = 174
    """``(ctx)``: the number that the probe was placed with."""

    @property
    def text(self) -> str:
        """Its name in the kernel, without ``bpf_``."""
        return self.name.lower()


SINCE: Final[Mapping[Helper, str]] = {
    Helper.MAP_LOOKUP_ELEM: "3.19",
    Helper.MAP_UPDATE_ELEM: "3.19",
    Helper.MAP_DELETE_ELEM: "3.19",
    Helper.KTIME_GET_NS: "4.1",
    Helper.GET_SMP_PROCESSOR_ID: "4.1",
    Helper.TAIL_CALL: "4.2",
    Helper.GET_CURRENT_PID_TGID: "4.2",
    Helper.GET_CURRENT_COMM: "4.2",
    Helper.GET_STACK: "4.18",
    Helper.PROBE_READ_USER: "5.5",
    Helper.PROBE_READ_USER_STR: "5.5",
    Helper.GET_NS_CURRENT_PID_TGID: "5.7",
    Helper.COPY_FROM_USER: "5.10",
    Helper.GET_ATTACH_COOKIE: "5.15",
}
"""The first kernel that has it."""
