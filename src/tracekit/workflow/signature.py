"""What a function's arguments are, with their fields, and where they live."""

from __future__ import annotations

from collections.abc import Sequence

from tracekit.core.calibration import Calibration
from tracekit.core.probe import FunctionName
from tracekit.core.target import Container, Pids
from tracekit.errors import UnsupportedError, UsageError
from tracekit.symbols import declarations
from tracekit.values import frozen
from tracekit.workflow.binaries import functions_in
from tracekit.workflow.debug_info import debug
from tracekit.workflow.knowledge import Knowledge
from tracekit.workflow.subjects import subject


@frozen
class Shown:
    """A function's arguments as a reader is shown them.

    Attributes:
        calibration: where they are, and how well that is known.
        declaration: the function's declaration, as its language writes it.
        binary: the name of its binary.
        notes: what a reader should know besides.
    """

    calibration: Calibration
    declaration: str
    binary: str
    notes: tuple[str, ...] = ()


def signature(
    words: Sequence[str], target: Pids | Container | None = None, *, knowledge: Knowledge | None = None
) -> Shown:
    """What is known of the arguments of a function: from the store, or from the binary; nothing is run.

    Args:
        words: the binary, as ``workflow.subjects`` has it, and the function as a probe names it.
        target: one process, or a container, whose binary is meant; None for files of ours.
        knowledge: where to look and what to remember; None for the user's store.

    Raises:
        UsageError: if no function is named.
        UnsupportedError: if the function only chooses another one.
        TracekitError: as ``workflow.calibrate.resolve``.
    """
    of = subject(words, target)
    if len(of.words) != 1:
        raise UsageError("there is no function" if not of.words else "there are several functions", "Name one.")
    (name,) = of.words
    knowledge = knowledge or Knowledge()
    function = functions_in(of.binary, FunctionName(name, exact="*" in name), knowledge)[0]
    if function.indirect:
        raise UnsupportedError(
            feature="the arguments of an indirect function (IFUNC)",
            backend="tracekit signature",
            reason=f"the code of {name} only chooses which implementation calls go to",
            remedy=f"Find the implementations with: tracekit functions {of.name} {name}.",
        )
    calibration = knowledge.of(of.binary, function)
    declared = of.binary.ask(declarations.declaration, debug, function)
    return Shown(calibration, declared, of.name, tuple(knowledge.notes))
