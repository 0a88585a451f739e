"""What is stored of a function: its calibration, and where that comes from."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from tracekit.core.calibration import Calibration
from tracekit.values import frozen

Origin = Literal["static", "gdb", "imported"]
"""How a calibration came to be: from the binary alone, by a run under gdb, or from another machine."""


@frozen
class Stored:
    """A calibration with where it comes from.

    Attributes:
        calibration: what is known.
        origin: how it came to be.
        stored: when, with a time zone.
        binary: the path of the binary when it was made, for people; it is found by its build-id.
        tracekit: the version that made it.
    """

    calibration: Calibration
    origin: Origin
    stored: datetime
    binary: str
    tracekit: str
