"""Whether an engine can trace here: it has to count the calls of a program whose calls are known."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Final

from tracekit.backends.base import Options
from tracekit.calibration.store import Store
from tracekit.core.result import Result
from tracekit.core.target import Command
from tracekit.errors import EngineError, FunctionNotFoundError, TracekitError, UnsupportedError
from tracekit.syntax import parse
from tracekit.workflow.knowledge import Knowledge
from tracekit.workflow.session import Session
from tracekit.workflow.specimen import CALLS, FUNCTION, SUM, program_file, specimen_image

_ONCE: Final = ("Py_BytesMain", "main")
"""What Python's own program calls once, when it begins: it has a symbol of the first, or all of its own."""


def prove(backend: str, options: Options = Options()) -> str:
    """Have an engine trace a program that is made for this.

    Args:
        backend: the engine's.
        options: see ``Options``.

    Returns:
        What it has counted, as the end of a sentence; the empty string if there is nothing here to try it on.

    Raises:
        TracekitError: if it can't, or counts something else; with the cause.
    """
    if backend == "dtrace":  # which traces dynamically linked programs only
        return _by_python(backend, options)
    image = specimen_image(os.uname().machine)
    if image is None:
        return ""
    with program_file(image) as path:
        result = _traced(f'uprobe:"{path}":{FUNCTION} {{ @ = sum(arg0) }}', Command([path]), backend, options)
    found = result.maps[0].entries.get(())
    if not result.whole or found is None or (found.count, found.sum) != (CALLS, SUM):
        raise _wrong(backend, result, CALLS)
    return f"counted the {CALLS} calls of a test program"


def _by_python(backend: str, options: Options) -> str:
    with open(os.path.realpath(sys.executable), "rb") as file:
        image = file.read()
    environment = {"PYTHONHOME": f"{sys.base_prefix}:{sys.base_exec_prefix}", "PATH": os.defpath}
    with program_file(image) as path:
        command = Command([path, "-S", "-c", "pass"], env=environment)
        for function in _ONCE:
            try:
                result = _traced(f'uprobe:"{path}":{function} {{ @ = count() }}', command, backend, options)
            except FunctionNotFoundError:
                continue
            if not result.whole or result.maps[0].total != 1:
                raise _wrong(backend, result, 1)
            return "counted the one call of a test program"
    return ""


def _traced(text: str, command: Command, backend: str, options: Options) -> Result:
    try:
        # With a store that goes away: nothing of this is worth keeping among the user's calibrations.
        with (
            tempfile.TemporaryDirectory(prefix="tracekit-") as folder,
            Session(parse(text), command, backend, options, Knowledge(Store(folder))) as session,
        ):
            while session.running:
                session.wait()
            return session.stop()
    except UnsupportedError as error:  # its hint would be about programs of the user's
        raise EngineError(message=error.message, engine=backend) from error


def _wrong(backend: str, result: Result, calls: int) -> TracekitError:
    told = next((loss for loss in result.losses), None)
    why = f": {told.message}" if told else ""
    count = result.maps[0].total if result.maps else 0
    return EngineError(
        message=f"it counted {count} of {calls} calls of a test program{why}",
        hint=told.hint if told and told.hint else "Trace with another engine, and report this.",
        engine=backend,
    )
