"""What the kernel has refused; see ``diagnose.py``."""

from __future__ import annotations

import errno

from tracekit.backends.bpf.programs import KernelProgram


class Refused(Exception):  # noqa: N818, it becomes an error of ours before anybody sees it
    """The kernel has refused something.

    Attributes:
        what: what was asked for.
        error: its own error.
        program: the program that was refused; None for something else.
    """

    def __init__(self, what: str, error: OSError, program: KernelProgram | None = None) -> None:
        """Keep what is known."""
        super().__init__(what)
        self.what, self.error, self.program = what, error, program

    @property
    def invalid(self) -> bool:
        """Whether the kernel doesn't know, or doesn't allow, what was asked for."""
        return self.error.errno == errno.EINVAL
