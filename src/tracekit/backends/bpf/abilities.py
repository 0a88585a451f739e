"""What a kernel may lack that our programs would use, and what they then do without it. Pure.

=======  =============================================  ====================================================
lacking  what it is                                     then
=======  =============================================  ====================================================
sleeps   programs at functions that wait for pages      a page that isn't in memory counts as a fault, which
         (6.0)                                          the result tells
many     many probes of a file with one call (6.6)      each is placed with a call of its own
numbers  a number with each probe, for its program      each function has a program of its own
         (5.15)
swaps    additions and replacements that tell what was  a greatest value is replaced as it stands;
         there before (5.12; on arm64 5.18)             ``--max-events`` and ``ustack`` are refused
whole    maps that are handed over many entries at a    keys are refused
         time (5.6)
=======  =============================================  ====================================================
"""

from __future__ import annotations

from typing import Final

from tracekit.backends.bpf.assembler import BACKEND
from tracekit.errors import UnsupportedError
from tracekit.values import frozen


@frozen
class Abilities:
    """What a kernel has, by the names in the table above; as it stands, all of it.

    Without ``swaps``, no other program comes between the reading of a value and its replacement: such kernels
    run the programs at functions with preemption off, and let no second one begin on a processor meanwhile
    (``__uprobe_perf_func`` in ``kernel/trace/trace_uprobe.c`` and ``trace_call_bpf`` in
    ``kernel/trace/bpf_trace.c``, up to 5.19).
    """

    sleeps: bool = True
    many: bool = True
    numbers: bool = True
    swaps: bool = True
    whole: bool = True

    def require_swaps(self, feature: str) -> None:
        """Refuse what numbers events, or what comes with them, where there are none.

        Args:
            feature: what the program asks for.

        Raises:
            UnsupportedError: if the kernel lacks ``swaps``.
        """
        if not self.swaps:
            raise UnsupportedError(
                feature=feature,
                backend=BACKEND,
                reason="this kernel can't number events; those from 5.12 on can (on arm64, from 5.18)",
                remedy="Leave it out, or use bpftrace.",
            )


ALL: Final = Abilities()
"""What the newest kernels have."""
