"""What gdb, or what runs inside of it, tells may be damaged, as when gdb dies or somebody else writes there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tracekit.backends.gdb.quoting import BACKEND
from tracekit.errors import EngineError, TracekitError


@contextlib.contextmanager
def understood() -> Iterator[None]:
    """Turn whatever fails on what gdb has told into a sentence.

    Raises:
        EngineError: if it isn't as it should be.
    """
    try:
        yield
    except TracekitError:
        raise
    except Exception as error:  # whatever a damaged document makes our reading of it raise
        raise EngineError(
            message=f"gdb told what tracekit doesn't understand ({type(error).__name__}: {str(error)[:200]})",
            hint="Run it with -v to see the program, and report both.",
            engine=BACKEND,
        ) from error
