"""The registers of a thread that has stopped. Runs inside gdb, in Python 3.8 or later."""

from __future__ import annotations

import ctypes
from typing import Any

_X86_64 = """r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base
gs_base ds es fs gs"""
_NAMES = {
    "x86_64": _X86_64.split(),
    "aarch64": [*(f"x{n}" for n in range(31)), "sp", "pc", "pstate"],
}
"""The kernel's ``struct user_regs_struct`` and ``user_pt_regs`` (``sys/user.h``, ``asm/ptrace.h``)."""
_SAME = {"x86_64": ((0, 15 * 8), (16 * 8, 18 * 8), (19 * 8, 21 * 8)), "aarch64": ((0, 33 * 8),)}
"""The bytes of those that are the same again after a signal: not orig_rax, the flags, nor segments."""

_VECTORS = {"x86_64": ("xmm", 16, 160), "aarch64": ("v", 32, 0)}
"""What vector registers are called, how many there are, and where they begin in the kernel's
``struct user_fpregs_struct`` and ``user_fpsimd_state`` (the same files), of 512 bytes and a little more."""
_VECTOR_STATE = 1024

_GETREGSET = 0x4204
_NT_PRSTATUS = 1
_NT_PRFPREG = 2


class _Iovec(ctypes.Structure):
    """``struct iovec`` (``sys/uio.h``)."""

    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


class Registers:
    """Fetches a thread's general registers by one system call, and its vector registers by another.

    gdb's own way (``Frame.read_register``) first finds out what frame it is, which takes four times as long as
    all the rest that we do.
    """

    def __init__(self, architecture: str) -> None:
        fields = [(name, ctypes.c_uint64) for name in _NAMES[architecture]]
        self._found: Any = type("Registers", (ctypes.Structure,), {"_fields_": fields})()
        self._same = _SAME[architecture]
        name, count, start = _VECTORS[architecture]
        halves = [(f"{name}{n}{half}", ctypes.c_uint64) for n in range(count) for half in ("", "_high")]
        after = _VECTOR_STATE - start - 16 * count
        around = ("before", ctypes.c_char * start), *halves, ("after", ctypes.c_char * after)
        self._vectors: Any = type("Vectors", (ctypes.Structure,), {"_fields_": around})()
        # gdb's own thread is the one that holds the target, and it is the one that we run in.
        self._ptrace = ctypes.CDLL(None, use_errno=True).ptrace
        self._ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
        self._ptrace.restype = ctypes.c_long

    def __call__(self, tid: int) -> Any:
        return self._filled(self._found, tid, _NT_PRSTATUS)

    def vectors(self, tid: int) -> Any:
        """The low halves of a thread's vector registers, as attributes of their names."""
        return self._filled(self._vectors, tid, _NT_PRFPREG)

    def _filled(self, found: Any, tid: int, kind: int) -> Any:
        where = _Iovec(ctypes.addressof(found), ctypes.sizeof(found))
        if self._ptrace(_GETREGSET, tid, kind, ctypes.addressof(where)) != 0:
            raise OSError(ctypes.get_errno(), f"the registers of thread {tid} can't be read")
        return found

    def state(self) -> bytes:
        """All that was fetched, but what differs after a signal: the flags by which one steps, and the like."""
        found = bytes(self._found)
        return b"".join(found[start:end] for start, end in self._same)
