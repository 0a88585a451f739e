"""From the parts of stacks that a run keeps in the kernel to stacks of frames. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tracekit.backends.bpf.layout import FRAME, NODE, FrameKind
from tracekit.values import frozen


@frozen
class Frame:
    """A place in a program's code.

    Attributes:
        build_id: the file's, in hexadecimal; empty if only the address is known.
        place: where in the file; or the address.
        pid: the process whose address it is; 0 if that isn't known.
    """

    build_id: str
    place: int
    pid: int = 0


@frozen
class Stack:
    """Who called whom.

    Attributes:
        frames: the innermost first.
        found: how many of them the kernel has found.
    """

    frames: tuple[Frame, ...]
    found: int


@frozen
class _Part:
    before: int
    frames: tuple[Frame, ...]
    caller: bool


def stacks(keys: bytes, values: bytes) -> Mapping[int, Stack]:
    """All stacks, and beginnings of stacks, by their numbers.

    Args:
        keys: the keys of the map ``stacks``, one after the other.
        values: its values.
    """
    parts = {
        int.from_bytes(values[8 * n : 8 * n + 8], "little"): _part(keys[n * NODE : (n + 1) * NODE])
        for n in range(len(values) // 8)
    }
    found: dict[int, Stack] = {}
    # A part has a greater number than the one before it.
    for number, part in sorted(parts.items()):
        found[number] = _joined(found.get(part.before), parts.get(part.before), part)
    return found


def _joined(before: Stack | None, last: _Part | None, part: _Part) -> Stack:
    own = 0 if part.caller else len(part.frames)
    if before is None or last is None:
        return Stack(part.frames, own)
    if last.caller:  # it stands behind the innermost frame, which it called
        return Stack((*part.frames[:1], *before.frames, *part.frames[1:]), own)
    return Stack((*before.frames, *part.frames), before.found + own)


def _part(raw: bytes) -> _Part:
    frames = tuple(_frames(raw[8:]))
    return _Part(int.from_bytes(raw[:8], "little"), frames, raw[8] == FrameKind.CALLER)


def _frames(raw: bytes) -> Iterator[Frame]:
    for at in range(0, len(raw), FRAME):
        place = int.from_bytes(raw[at + 24 : at + FRAME], "little")
        match raw[at]:
            case FrameKind.NONE:
                return
            case FrameKind.FILE:
                yield Frame(raw[at + 4 : at + 24].hex(), place)
            case FrameKind.CALLER:
                yield Frame("", place, int.from_bytes(raw[at + 4 : at + 8], "little"))
            case _:
                yield Frame("", place)
