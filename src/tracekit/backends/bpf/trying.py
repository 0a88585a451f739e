"""Finds out what the running kernel has, by trying: features are carried back, so versions say little."""

from __future__ import annotations

import errno
import os
from typing import Final

from tracekit.backends.bpf import instructions as code
from tracekit.backends.bpf import kernel
from tracekit.backends.bpf.abilities import Abilities
from tracekit.backends.bpf.assembler import Assembler
from tracekit.backends.bpf.emit import FP, R0, R1
from tracekit.backends.bpf.helpers import Helper
from tracekit.backends.bpf.layout import MapKind
from tracekit.backends.bpf.programs import ProgramKind
from tracekit.backends.bpf.rights import Kernel

MANY: Final = 48
"""``BPF_TRACE_UPROBE_MULTI``: what a program is loaded for that is attached to many points at once."""

_LACKING: Final = (errno.EINVAL, errno.ENOTSUP, 524)
"""How a kernel refuses what it doesn't know; 524 is its own ENOTSUPP, of a compiler that lacks an instruction.
Whatever else goes wrong, such as missing rights, isn't known to lack anything: the run's own programs tell."""


def abilities(by: Kernel) -> Abilities:
    """What the running kernel has.

    Args:
        by: who asks it.
    """
    return Abilities(
        sleeps=_loads(by, Assembler(), sleeps=True),
        many=_many(by),
        numbers=_loads(by, _numbers()),
        swaps=_loads(by, _swaps()),
        whole=_whole(by),
    )


def _loads(by: Kernel, asm: Assembler, *, sleeps: bool = False) -> bool:
    try:
        os.close(_load(by, asm, sleeps=sleeps))
    except OSError as error:
        return error.errno not in _LACKING
    return True


def _load(by: Kernel, asm: Assembler, *, sleeps: bool = False, attach: int = 0) -> int:
    asm.leave()
    program = asm.assemble().encode({})
    return by.load_program(
        ProgramKind.KPROBE.value, program, [], sleeps=sleeps, attach=attach, name="tk_trying"
    )


def _numbers() -> Assembler:
    asm = Assembler()
    asm.call(Helper.GET_ATTACH_COOKIE)
    return asm


def _swaps() -> Assembler:
    asm = Assembler()
    with asm.room(8) as word:
        asm.store(FP, word, 0)
        asm.constant(R0, 0)
        asm.constant(R1, 0)
        asm.add(code.compare_exchange(FP, word, R1))
    return asm


def _whole(by: Kernel) -> bool:
    size = 8 * len(kernel.processors())
    map_ = None
    try:
        map_ = by.create_map(MapKind.PERCPU_HASH.value, 8, 8, 1, "tk_trying")
        kernel.entries(map_, 8, size, 1)
    except OSError as error:
        return error.errno not in _LACKING
    finally:
        if map_ is not None:
            os.close(map_)
    return True


def _many(by: Kernel) -> bool:
    """Whether the kernel finds fault with the file, which is a folder, and not with the call.

    Older kernels load such a program all the same. libbpf tries it so too (``probe_uprobe_multi_link``).
    """
    program = None
    try:
        program = _load(by, Assembler(), attach=MANY)
        os.close(by.attach_many(program, "/", [0], [0], [], returns=False, pid=0))
    except OSError as error:
        return error.errno not in _LACKING
    finally:
        if program is not None:
            os.close(program)
    return True
