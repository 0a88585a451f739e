"""Which functions are Go's, and where one begins to run for good.

A Go function starts by comparing the stack pointer with the end of its goroutine's stack. If there is no
room, or the scheduler wants the processor, it calls the runtime and then starts once more from its first
instruction: a probe there counts such a call twice (8,042 for 8,004). Just after that check every call
passes once, and no argument has moved: the stack pointer and the argument registers are as they were.

Source: ``stacksplit`` in Go's ``cmd/internal/obj/x86/obj6.go`` and ``…/arm64/obj7.go``, which emits
 the same instructions from Go 1.17 to 1.27.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final

from tracekit.errors import BinaryError
from tracekit.symbols.function import Function, StackCheck
from tracekit.symbols.image import Image
from tracekit.symbols.spelling import encode, is_clone, is_cold

_LONGEST: Final = 64
"""More bytes than any check has."""

_MORESTACK: Final = tuple(
    b"runtime.morestack" + kind + abi for kind in (b"", b"_noctxt") for abi in (b"", b".abi0")
)
"""What is called to grow the stack, by the names that versions of Go give it."""

# Compiled when they are needed, which takes longer than importing all else here.
_X86_64: Final = rb"""
    (?P<loads_g> \x64\x4c\x8b\x34\x25 .{4}                  # mov r14, fs:[-8]
    | (?: \x4c\x8b\x35 | \x49\xc7\xc6 ) .{4}                # mov r14, [rip + n]; or mov r14, -8
      \x64\x4d\x8b\x36 )?                                   # mov r14, fs:[r14]
    (?: \x49\x3b\x66\x10                                    # cmp rsp, [r14 + 16]
    | (?: \x4c\x8d\x64\x24 (?P<near> . )                    # lea r12, [rsp - frame]
      | \x4c\x8d\xa4\x24 (?P<far> .{4} )
      | (?P<huge> \x49\x89\xe4 \x49\x81\xec .{4}            # mov r12, rsp; sub r12, frame
        (?: \x72 . | \x0f\x82 .{4} ) ) )                    # jb
      \x4d\x3b\x66\x10 )                                    # cmp r12, [r14 + 16]
    (?: \x76 . | \x0f\x86 .{4} )                            # jbe
"""

_AARCH64: Final = rb"""
    \x90\x0b\x40\xf9                                        # ldr x16, [x28, 16]
    (?: \xff\x63\x30\xeb                                    # cmp sp, x16
    | (?: (?P<sub> \xf1 ..\xd1 )                            # sub x17, sp, frame
      | (?P<huge> (?: ...[\x92\xb2\xd2\xf2] ){0,4}          # mov x27, frame
        (?: \xf1\x63\x3b\xeb | \xf1 ..\xf1 )                # subs x17, sp, x27 or frame
        [\x03\x23\x43\x63\x83\xa3\xc3\xe3] ..\x54 ) )       # b.lo
      \x3f\x02\x10\xeb )                                    # cmp x17, x16
    [\x09\x29\x49\x69\x89\xa9\xc9\xe9] ..\x54               # b.ls
"""


def after_stack_check(image: Image, function: Function) -> StackCheck | None:
    """The check of the stack at a function's start; None if the function has none (``NOSPLIT``).

    Args:
        image: a Go binary, which may hold C functions too.
        function: one of its functions, as ``find`` gives it. A place inside one has no check before it.

    Raises:
        BinaryError: if the function has a check in a form that isn't known here, or none is seen and the
            binary lacks the symbols that would prove that there is none.
    """
    if function.offset:
        return None
    pattern = {"x86_64": _X86_64, "aarch64": _AARCH64}.get(image.machine)
    if pattern is None:
        raise BinaryError(f"{image.path}: how Go on {image.machine} checks its stacks is not known here")
    body = image.instructions(function.address, function.size or _LONGEST)
    if found := re.match(pattern, body, re.VERBOSE | re.DOTALL):
        return _check(found)
    morestack = {s.value for table in image.symbols for s in table.named(*_MORESTACK) if s.section}
    if not function.size or not morestack:
        raise BinaryError(
            f"{image.path} has no symbols that tell whether {function.name} checks its stack at its start",
            "Use a binary with symbols; without the check some calls would count twice.",
        )
    if not morestack.isdisjoint(_calls(image, function.address, body)):
        raise BinaryError(
            f"{function.name} of {image.path} checks its stack in a form that is not known here",
            "Probe it behind the check, as FUNCTION+OFFSET; at its entry some calls would count twice.",
        )
    return None


def is_go_function(image: Image, function: Function) -> bool:
    """Whether a function of a Go binary comes from Go's compiler or assembler, rather than from C by cgo.

    Go's own linker keeps Go's code between ``runtime.text`` and ``runtime.etext``, and C's outside if an
    external linker is used; names of Go functions have their package and a dot before them.

    Args:
        image: a Go binary.
        function: one of its functions, as ``find`` gives it.
    """
    start, end = (_address(image, name) for name in ("runtime.text", "runtime.etext"))
    package, dot, _ = function.name.partition(".")
    if end >= 0:
        is_go = start <= function.address < end
    else:
        is_go = not is_clone(function.name, package) and not is_cold(function.name)
    return is_go and (bool(dot) or package.startswith("_cgoexp_"))


def check_abi_internal(image: Image, function: Function, check: StackCheck | None) -> None:
    """Refuse a function of a Go binary that doesn't follow ABIInternal, Go's convention since 1.17.

    By it, the first integer result is in the first register of the results, and the goroutine's address in
    r14 (x86-64) or x28 (arm64), at the entry and at the return.

    Source: Go's ``src/cmd/compile/abi-internal.md``. ``mangleABIName`` in ``cmd/link/internal/ld/symtab.go``
    gives ``.abi0`` to functions of the old convention; Go 1.18 is the first whose version is in the binary,
    and the first with the convention on arm64.

    Args:
        image: a Go binary.
        function: one of its functions that ``is_go_function``.
        check: its check of the stack, as ``after_stack_check`` gives it.

    Raises:
        BinaryError: if it follows the convention of assembly (ABI0), or nothing tells.
    """
    modern = bool(image.go_version) or (image.machine == "x86_64" and check is not None)
    if not modern:
        raise BinaryError(
            f"{image.path} doesn't say that it is of Go 1.17 or later; before, results were on the stack and "
            "nothing tells goroutines apart",
            "Build it with a later Go, or probe the function's entry.",
        )
    if function.name.endswith(".abi0") or (check is not None and check.loads_g):
        raise BinaryError(
            f"{function.name} of {image.path} follows Go's convention for assembly (ABI0), where results are "
            "on the stack and no register holds the goroutine",
            "Probe the Go function that wraps it, whose name has no .abi0, or its entry.",
        )


def _check(found: re.Match[bytes]) -> StackCheck:
    groups = found.groupdict()
    frame = 0
    if near := groups.get("near"):
        frame = -int.from_bytes(near, "little", signed=True)
    elif far := groups.get("far"):
        frame = -int.from_bytes(far, "little", signed=True)
    elif sub := groups.get("sub"):
        frame = int.from_bytes(sub, "little") >> 10 & 0xFFF
    return StackCheck(
        offset=found.end(), frame=frame, huge=bool(groups["huge"]), loads_g=bool(groups.get("loads_g"))
    )


def _address(image: Image, name: str) -> int:
    """The address of a symbol; -1 if there is none."""
    found = (s.value for table in image.symbols for s in table.named(encode(name)) if s.section)
    return next(found, -1)


def _calls(image: Image, address: int, body: bytes) -> Iterator[int]:
    """The addresses that a function may call; on x86-64 also some that only look so."""
    if image.machine == "x86_64":
        for call in re.finditer(rb"\xe8(?=(.{4}))", body, re.DOTALL):
            yield address + call.start() + 5 + int.from_bytes(call[1], "little", signed=True)
    else:
        for index, (word,) in enumerate(struct.iter_unpack("<I", body[: len(body) & ~3])):
            if word >> 26 == 0b100101:
                distance = word & 0x3FFFFFF
                yield address + 4 * (index + distance - (distance >> 25 << 26))
