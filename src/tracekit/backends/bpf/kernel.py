"""The system calls: maps, programs and probes, each as a descriptor. Nothing here knows what a run is.

Sources: ``union bpf_attr`` in ``include/uapi/linux/bpf.h``, bpf(2); ``struct perf_event_attr`` in
``include/uapi/linux/perf_event.h``, perf_event_open(2). Where a structure has grown, only what is set is
handed over; the rest, which kernels that don't have it would refuse, is zero.

It imports the standard library only: ``privileged.py`` runs it as root.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import resource
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Final, Literal

_NUMBERS: Final = {"x86_64": (321, 298), "aarch64": (280, 241)}
"""Of bpf and perf_event_open, by ``uname -m``: ``arch/x86/entry/syscalls/syscall_64.tbl``,
``include/uapi/asm-generic/unistd.h``."""

_MAP_CREATE, _LOOKUP, _UPDATE, _NEXT_KEY, _LOAD, _INFO = 0, 1, 2, 4, 5, 15
_RAW_TRACEPOINT_OPEN, _LOOKUP_BATCH, _LINK = 17, 24, 28  # enum bpf_cmd
_PERF_EVENT, _UPROBE_MULTI = 41, 48  # enum bpf_attach_type
_SLEEPABLE: Final = 1 << 4  # BPF_F_SLEEPABLE
_MULTI_RETURN: Final = 1  # BPF_F_UPROBE_MULTI_RETURN

_SOFTWARE, _TRACEPOINT, _CPU_CLOCK = (
    1,
    2,
    0,
)  # PERF_TYPE_SOFTWARE, PERF_TYPE_TRACEPOINT, PERF_COUNT_SW_CPU_CLOCK
_FREQUENCY: Final = 1 << 10  # the bit 'freq' of struct perf_event_attr
_INHERIT, _MAPPINGS = 1 << 1, 1 << 8 | 1 << 23  # the bits 'inherit', 'mmap' and 'mmap2'
_DUMMY: Final = 9  # PERF_COUNT_SW_DUMMY
_CLOSE_ON_EXEC: Final = 8  # PERF_FLAG_FD_CLOEXEC
_SET_PROGRAM, _ENABLE = 0x40042408, 0x2400  # PERF_EVENT_IOC_SET_BPF, PERF_EVENT_IOC_ENABLE
_ATTRIBUTE: Final = 112  # PERF_ATTR_SIZE_VER5

MAP: Final = (0x18, 1)
"""The operation of an instruction that loads a map's address, and its source register: BPF_LD | BPF_IMM |
BPF_DW, BPF_PSEUDO_MAP_FD."""

_TRACEFS: Final = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
_UPROBES: Final = "/sys/bus/event_source/devices/uprobe"
_LOG_BYTES: Final = 1 << 20
_BATCH: Final = 4096


class VerifierError(OSError):
    """The kernel has refused a program.

    Attributes:
        log: what its verifier said.
    """

    def __init__(self, code: int, log: str) -> None:
        """Keep the log."""
        super().__init__(code, os.strerror(code))
        self.log = log


def create_map(kind: int, key: int, value: int, entries: int, name: str) -> int:
    """Make a map; all its entries have their room from the start.

    Args:
        kind: its type.
        key: bytes of a key.
        value: bytes of a value.
        entries: how many there may be.
        name: for people, up to 15 letters and digits.

    Raises:
        OSError: if the kernel refuses.
    """
    attribute = struct.pack("<IIIIIII16s", kind, key, value, entries, 0, 0, 0, name.encode())
    return _bpf(_MAP_CREATE, attribute)


def load_program(kind: int, code: bytes, maps: Sequence[int], *, sleeps: bool, attach: int, name: str) -> int:
    """Load a program.

    Args:
        kind: its type.
        code: its instructions, in which maps are told by their places in ``maps``.
        maps: the maps' descriptors.
        sleeps: whether it may wait for memory.
        attach: 48 for ``attach_many``, else 0.
        name: for people, up to 15 letters and digits.

    Raises:
        VerifierError: if the kernel's verifier refuses it.
        OSError: if it can't be loaded for another reason.
    """
    license_, text = ctypes.create_string_buffer(b"GPL"), ctypes.create_string_buffer(code, len(code))
    for place, instruction in enumerate(instructions(code)):
        if instruction[:2] == MAP:
            struct.pack_into("<i", text, 8 * place + 4, maps[instruction[2]])

    def attempt(log: ctypes.Array[ctypes.c_char] | None) -> int:
        where = (1, len(log), ctypes.addressof(log)) if log is not None else (0, 0, 0)
        attribute = struct.pack(
            "<IIQQIIQII16sII",
            kind, len(code) // 8, ctypes.addressof(text), ctypes.addressof(license_), *where,
            0, _SLEEPABLE if sleeps else 0, name.encode(), 0, attach,
        )  # fmt: skip
        return _bpf(_LOAD, attribute)

    try:
        return attempt(None)
    except OSError as error:
        if error.errno in (errno.EPERM, errno.ENOMEM, errno.EMFILE, errno.ENFILE):
            raise
        # Once more, for the log: having it written costs more than all else.
        log = ctypes.create_string_buffer(_LOG_BYTES)
        with suppress(OSError):
            return attempt(log)
        raise VerifierError(error.errno or 0, log.value.decode("utf-8", "replace")) from None


def instructions(code: bytes) -> Iterator[tuple[int, int, int]]:
    """The operation, the source register and the number of each word of a program; see ``instructions.py``."""
    for operation, registers, _, number in struct.iter_unpack("<BBhi", code):
        yield operation, registers >> 4, number


def uprobe(path: str, offset: int, *, returns: bool, semaphore: int, pid: int) -> int:
    """A probe at an instruction of a file; nothing runs there yet.

    Args:
        path: the file's.
        offset: the instruction's, in the file.
        returns: whether the return of the function that begins there is meant.
        semaphore: where in the file a counter is that is 1 more as long as the probe is there; 0 for none.
        pid: the process whose probe it is; -1 for all.

    Raises:
        OSError: if the kernel refuses.
    """
    kind, bit = _uprobe_type()
    config = (1 << bit if returns else 0) | semaphore << 32
    name = ctypes.create_string_buffer(os.fsencode(path))
    attribute = _event(kind, config)
    struct.pack_into("<QQ", attribute, 56, ctypes.addressof(name), offset)  # config1 and config2
    return _perf(attribute, pid, -1 if pid > 0 else 0)


def tracepoint(number: int) -> int:
    """A tracepoint of the kernel, by its number in tracefs; nothing runs there yet."""
    return _perf(_event(_TRACEPOINT, number), -1, 0)


def describe(category: str, name: str) -> int:
    """The kernel's description of a tracepoint, a text, opened.

    Raises:
        OSError: if there is none, or we may not; ``ENODEV`` if there is no tracefs.
    """
    for mount in _TRACEFS:
        if os.path.isdir(f"{mount}/events"):
            return os.open(f"{mount}/events/{category}/{name}/format", os.O_RDONLY | os.O_CLOEXEC)
    raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))


def raw_tracepoint(name: str, program: int) -> int:
    """Have a program run at a tracepoint of the kernel, by its name in the kernel's own code.

    Raises:
        OSError: if the kernel refuses: EINVAL where the tracepoint has fewer arguments than the program reads.
    """
    text = ctypes.create_string_buffer(name.encode())
    return _bpf(_RAW_TRACEPOINT_OPEN, struct.pack("<QII", ctypes.addressof(text), program, 0))


def timer(nanoseconds: int, hertz: int, processor: int) -> int:
    """A clock on a processor, by its period or its frequency; nothing runs yet."""
    attribute = _event(_SOFTWARE, _CPU_CLOCK, hertz or nanoseconds, _FREQUENCY if hertz else 0)
    return _perf(attribute, -1, processor)


def mappings(pid: int, processor: int) -> int:
    """What tells of files that a process, or one that it forks, maps to run them; see ``mappings.py``.

    Args:
        pid: the process; -1 for all.
        processor: on which one.

    Raises:
        OSError: if the kernel refuses.
    """
    return _perf(_event(_SOFTWARE, _DUMMY, bits=_MAPPINGS | (_INHERIT if pid > 0 else 0)), pid, processor)


def attach(event: int, program: int, number: int | None) -> int | None:
    """Have a program run at a probe.

    Args:
        event: the probe's descriptor.
        program: the program's.
        number: what the program gets when it asks for the probe's number; None if it doesn't.

    Returns:
        A further descriptor that must stay open as long; None if there is none.

    Raises:
        OSError: if the kernel refuses.
    """
    if number is not None:
        attribute = struct.pack("<IIIIQ", program, event, _PERF_EVENT, 0, number)
        link = _bpf(_LINK, attribute)
        fcntl.ioctl(event, _ENABLE, 0)
        return link
    fcntl.ioctl(event, _SET_PROGRAM, program)
    fcntl.ioctl(event, _ENABLE, 0)
    return None


def attach_many(
    program: int,
    path: str,
    offsets: Sequence[int],
    semaphores: Sequence[int],
    numbers: Sequence[int],
    *,
    returns: bool,
    pid: int,
) -> int:
    """Have a program run at many instructions of a file, with one call (kernel 6.6).

    Args:
        program: the program's descriptor.
        path: the file's.
        offsets: the instructions', in the file.
        semaphores: as ``uprobe`` has it, for each; all 0 if there are none.
        numbers: what the program gets when it asks for the probe's number; empty if it doesn't.
        returns: whether the returns of functions are meant.
        pid: the process whose probes they are; 0 for all.

    Raises:
        OSError: if the kernel refuses.
    """
    name = ctypes.create_string_buffer(os.fsencode(path))
    arrays = [(ctypes.c_uint64 * len(a))(*a) if any(a) else None for a in (offsets, semaphores, numbers)]
    where = [ctypes.addressof(a) if a is not None else 0 for a in arrays]
    if not where[0]:
        zeros = (ctypes.c_uint64 * len(offsets))()
        where[0] = ctypes.addressof(zeros)
    attribute = struct.pack(
        "<IIIIQQQQIII",
        program, 0, _UPROBE_MULTI, 0, ctypes.addressof(name), *where,
        len(offsets), _MULTI_RETURN if returns else 0, pid,
    )  # fmt: skip
    return _bpf(_LINK, attribute)


def update(map_: int, key: bytes, value: bytes) -> None:
    """Set an entry of a map that all processors share."""
    a, b = ctypes.create_string_buffer(key, len(key)), ctypes.create_string_buffer(value, len(value))
    _bpf(_UPDATE, struct.pack("<IIQQQ", map_, 0, ctypes.addressof(a), ctypes.addressof(b), 0))


def lookup(map_: int, key: bytes, size: int) -> bytes:
    """An entry of a map: its value, of ``size`` bytes, which is for all processors one after the other."""
    a, b = ctypes.create_string_buffer(key, len(key)), ctypes.create_string_buffer(size)
    _bpf(_LOOKUP, struct.pack("<IIQQQ", map_, 0, ctypes.addressof(a), ctypes.addressof(b), 0))
    return b.raw


def entries(map_: int, key: int, value: int, most: int) -> tuple[bytes, bytes, int]:
    """All entries of a map, while it may change.

    Args:
        map_: its descriptor.
        key: bytes of a key.
        value: bytes of a value, for all processors.
        most: how many there may be.

    Returns:
        The keys, the values, and how many.

    Raises:
        OSError: if the kernel refuses.
    """
    step = min(_BATCH, most)
    while True:
        try:
            return _batches(map_, key, value, step)
        except OSError as error:
            # Entries that hash alike come together: there must be room for them.
            if error.errno != errno.ENOSPC or step >= most:
                raise
            step = min(4 * step, most)


def _batches(map_: int, key: int, value: int, step: int) -> tuple[bytes, bytes, int]:
    keys, values, total = [], [], 0
    key_room, value_room = ctypes.create_string_buffer(step * key), ctypes.create_string_buffer(step * value)
    after = ctypes.create_string_buffer(max(8, key))
    first = True
    while True:
        attribute = ctypes.create_string_buffer(
            struct.pack(
                "<QQQQIIQQ",
                0 if first else ctypes.addressof(after), ctypes.addressof(after),
                ctypes.addressof(key_room), ctypes.addressof(value_room), step, map_, 0, 0,
            ),
            56,
        )  # fmt: skip
        last = False
        try:
            _call(0, _LOOKUP_BATCH, ctypes.addressof(attribute), 56)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
            last = True
        (found,) = struct.unpack_from("<I", attribute, 32)
        keys.append(key_room.raw[: found * key])
        values.append(value_room.raw[: found * value])
        total += found
        first = False
        if last:
            return b"".join(keys), b"".join(values), total


def array(map_: int, value: int, most: int) -> tuple[bytes, int]:
    """All values of an array, and how many they are; as ``entries``."""
    try:
        keys, values, count = entries(map_, 4, value, most)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, 524):  # 524 is the kernel's own ENOTSUPP
            raise
        # Before kernel 5.13 there are no batches of such arrays.
        return b"".join(lookup(map_, struct.pack("<I", n), value) for n in range(most)), most
    assert keys[:4] == bytes(4)
    return values, count


def missed(program: int) -> int | None:
    """How often a program didn't run, since it, or another one, was at work on that processor already.

    None if the kernel doesn't tell. Source: ``struct bpf_prog_info``: ``recursion_misses`` is 208 bytes from
    its start (kernel 5.12); an older kernel refuses to be given what it doesn't know
    (``bpf_check_uarg_tail_zero`` in ``kernel/bpf/syscall.c``).
    """
    size = 232
    info = ctypes.create_string_buffer(size)
    struct.pack_into("<Q", info, 208, 1)
    attribute = struct.pack("<IIQ", program, size, ctypes.addressof(info))
    try:
        _bpf(_INFO, attribute)
    except OSError:
        return None
    found: int = struct.unpack_from("<Q", info, 208)[0]
    return found


def allow_memory() -> None:
    """Lift the limit of locked memory, which kernels before 5.11 count maps by, as far as we may."""
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@cache
def processors() -> tuple[int, ...]:
    """The numbers of all processors that there can be: maps have room for each."""
    return _ranges("possible")


def online() -> tuple[int, ...]:
    """The numbers of the processors that run."""
    return _ranges("online")


def _ranges(which: Literal["possible", "online"]) -> tuple[int, ...]:
    with open(f"/sys/devices/system/cpu/{which}", encoding="ascii") as file:
        text = file.read().strip()
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return tuple(found)


@cache
def _uprobe_type() -> tuple[int, int]:
    """The number of the kind of events that probes of files are, and the bit that says return."""
    with open(f"{_UPROBES}/type", encoding="ascii") as file:
        kind = int(file.read())
    with open(f"{_UPROBES}/format/retprobe", encoding="ascii") as file:
        return kind, int(file.read().strip().removeprefix("config:"))


def _event(kind: int, config: int, period: int = 0, bits: int = 0) -> ctypes.Array[ctypes.c_char]:
    attribute = ctypes.create_string_buffer(_ATTRIBUTE)
    # type, size, config, sample_period or sample_freq, sample_type, read_format, the bits
    struct.pack_into("<IIQQQQQ", attribute, 0, kind, _ATTRIBUTE, config, period, 0, 0, bits)
    return attribute


def _perf(attribute: ctypes.Array[ctypes.c_char], pid: int, processor: int) -> int:
    return _call(1, ctypes.addressof(attribute), pid, processor, -1, _CLOSE_ON_EXEC)


def _bpf(command: int, attribute: bytes) -> int:
    room = ctypes.create_string_buffer(attribute, len(attribute))
    return _call(0, command, ctypes.addressof(room), len(attribute))


def _call(which: int, *arguments: int) -> int:
    number = _NUMBERS[os.uname().machine][which]
    result: int = _libc().syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc
