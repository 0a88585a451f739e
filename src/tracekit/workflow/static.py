"""Calibration by the binary alone, where the binary is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracekit.core.calibration import Calibration
from tracekit.symbols.function import Function
from tracekit.symbols.image import Image
from tracekit.workflow.debug_info import debug

if TYPE_CHECKING:
    from tracekit.symbols.macho import MachO


def calibration_of(image: Image | MachO, function: Function) -> Calibration:
    """See ``calibration.static``; asked of a ``Binary``."""
    from tracekit.calibration.static import calibrate_function

    return calibrate_function(image, function, debug(image))
