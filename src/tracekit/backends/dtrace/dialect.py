"""What the systems' versions of DTrace accept, as data.

Sources: Oracle's dtrace-utils 2.0 (``libdtrace/dt_cg.c``: ``dt_cg_agg_lquantize``, ``dt_cg_agg_llquantize``,
``dt_cg_arglist``, ``dt_cg_subr_copyinstr``; ``dt_pid.c``; ``dt_lex.l``; ``include/dtrace/universal.h``;
``dlibs/*/*/regs.d``) and Apple's dtrace-409 (``lib/libdtrace/common/dt_cc.c``: ``dt_compile_agg``, the same
code as illumos's; ``dt_pid.c``; ``dt_lex.l``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tracekit.core.buckets import LogLinear
from tracekit.errors import UsageError
from tracekit.values import frozen

NAME_BYTES: Final = 127
"""The most bytes of a function's name (``DTRACE_FUNCNAMELEN``, its NUL left out), everywhere."""

MODULE_BYTES: Final = 63
"""The most bytes of a module's, a provider's or a probe's name, everywhere."""

KEYS: Final = 8
"""The most keys of an aggregation or an array (``DIF_DTR_NREGS``)."""

LINEAR_BOUND: Final = (1 << 31) - 1
"""The greatest bound of ``lquantize``, whose bounds have 32 bits, everywhere."""

LINEAR_STEP: Final = (1 << 16) - 1
"""The widest step of ``lquantize``, and how many steps it has at most, everywhere."""

ARGUMENTS: Final = 10
"""How many arguments there are: ``arg0`` to ``arg9``."""


@frozen
class Dialect:
    """One system's DTrace.

    Attributes:
        name: the system's.
        signs: characters that may stand in a probe's name besides letters, digits, ``_``, ``.`` and ``-``.
        negative_log_linear: whether ``llquantize`` has rows for negative values. Where it hasn't, all of
            them are in its lowest row.
        narrow_log_linear: whether ``llquantize`` takes a single magnitude, and fewer steps than its factor.
        terminates: whether ``copyinstr(p, n)`` puts a NUL in the last byte. Where it doesn't, it may keep
            ``n`` bytes.
        library: the ending of a library's file name, as a pattern.
        offsets: processors on which the inside of a function can be probed.
    """

    name: str
    signs: str = ""
    negative_log_linear: bool = False
    narrow_log_linear: bool = False
    terminates: bool = False
    library: str = ".so*"
    offsets: tuple[str, ...] = ("x86_64",)

    def takes(self, scheme: LogLinear) -> bool:
        """Whether ``llquantize`` takes these parameters; the model has the other rules already."""
        if self.narrow_log_linear:
            return True
        power = scheme.factor
        while power < scheme.steps:
            power *= scheme.factor
        return scheme.low < scheme.high and scheme.steps >= scheme.factor and power % scheme.steps == 0


LINUX: Final = Dialect(
    "linux",
    negative_log_linear=True,
    narrow_log_linear=True,
    terminates=True,
    offsets=("x86_64", "aarch64"),
)
MACOS: Final = Dialect("macos", signs="<>+()", library="*.dylib")
ILLUMOS: Final = Dialect("illumos")
FREEBSD: Final = Dialect("freebsd", offsets=("x86_64", "aarch64"))

DIALECTS: Final[Mapping[str, Dialect]] = {d.name: d for d in (LINUX, MACOS, ILLUMOS, FREEBSD)}
"""The dialects by name."""

_SYSTEMS: Final[Mapping[str, str]] = {"darwin": "macos", "sunos": "illumos", "solaris": "illumos"}


def dialect(system: str) -> Dialect:
    """The dialect of a system.

    Args:
        system: a dialect's name, or what ``platform.system()`` calls the system.

    Raises:
        UsageError: if it is none that has DTrace.
    """
    name = system.lower()
    name = _SYSTEMS.get(name, name)
    if name in DIALECTS:
        return DIALECTS[name]
    raise UsageError(f"there is no dtrace for {system!r}", f"There is one for {', '.join(DIALECTS)}.")
