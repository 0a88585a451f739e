"""What the registry finds under the name ``bpf``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracekit.backends.base import Options, Place, Processes, Script, Tracer
from tracekit.core.arch import Architecture
from tracekit.core.probe import FunctionProbe
from tracekit.core.program import Program
from tracekit.core.target import Target


class BpfBackend:
    """A ``Backend`` that is tracekit's own eBPF programs."""

    takes_hold = False
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
        from tracekit.backends.bpf.compile import compile_script

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
        from tracekit.backends.bpf.run import BpfTracer

        return BpfTracer(program, places, files, processes, options)
