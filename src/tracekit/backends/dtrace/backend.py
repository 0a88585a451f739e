"""What the registry finds under the name ``dtrace``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracekit.backends.base import Options, Place, Processes, Script, Tracer
from tracekit.core.arch import Architecture
from tracekit.core.probe import FunctionProbe
from tracekit.core.program import Program
from tracekit.core.target import Target


class DtraceBackend:
    """A ``Backend`` that is DTrace."""

    takes_hold = True
    in_files = True

    def compile(
        self,
        program: Program,
        arch: Architecture,
        options: Options,
        target: Target | None,
        remarks: Sequence[str],
    ) -> Script:
        """See ``Backend``."""
        from tracekit.backends.dtrace.compile import compile_script
        from tracekit.backends.dtrace.dialect import dialect

        return compile_script(program, arch, dialect(options.system), options, target, remarks)

    def tracer(
        self,
        program: Program,
        places: Mapping[FunctionProbe, Sequence[Place]],
        files: Mapping[str, str],
        processes: Processes,
        options: Options,
    ) -> Tracer:
        """See ``Backend``."""
        from tracekit.backends.dtrace.run import DtraceTracer

        return DtraceTracer(program, places, processes, options)
