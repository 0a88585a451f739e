"""What the registry finds under the name ``gdb``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracekit.backends.base import Options, Place, Processes, Script, Tracer
from tracekit.core.arch import Architecture
from tracekit.core.probe import FunctionProbe
from tracekit.core.program import Program
from tracekit.core.target import Target


class GdbBackend:
    """A ``Backend`` that is gdb."""

    takes_hold = False  # it takes a command at its first instruction; see ``Processes.hand_over``
    in_files = False

    def compile(
        self,
        program: Program,
        arch: Architecture,
        options: Options,
        target: Target | None,
        remarks: Sequence[str],
    ) -> Script:
        """See ``Backend``."""
        from tracekit.backends.gdb.compile import compile_script

        return compile_script(program, arch, options, target, remarks)

    def tracer(
        self,
        program: Program,
        places: Mapping[FunctionProbe, Sequence[Place]],
        files: Mapping[str, str],
        processes: Processes,
        options: Options,
    ) -> Tracer:
        """See ``Backend``."""
        from tracekit.backends.gdb.run import GdbTracer

        return GdbTracer(program, places, processes, options)
