"""Finds out where a function's arguments are, and confirms it on a run."""

from __future__ import annotations

from collections.abc import Sequence

from tracekit import process
from tracekit.backends.base import Place
from tracekit.binaries import Binary
from tracekit.calibration.expect import Expectation
from tracekit.calibration.samples import Remote, SampleRequest, Samples
from tracekit.core.aggregation import Count
from tracekit.core.calibration import Calibration
from tracekit.core.probe import FunctionName, Uprobe
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.core.signature import Language
from tracekit.core.source import Types
from tracekit.core.target import Command, Container, Pids, SystemWide
from tracekit.errors import BinaryError, UsageError
from tracekit.symbols.function import Function
from tracekit.symbols.image import Image
from tracekit.values import frozen
from tracekit.workflow.binaries import functions_of
from tracekit.workflow.containers import processes_meant
from tracekit.workflow.debug_info import debug
from tracekit.workflow.knowledge import Knowledge
from tracekit.workflow.locate import locate
from tracekit.workflow.progress import doing


@frozen
class Calibrated:
    """What came of a calibration.

    Attributes:
        calibration: where the arguments are, and how well that is known.
        samples: what gdb saw; None if nothing was run.
        notes: what a reader should know besides.
        contradicted: whether the run showed that an argument isn't where it should be; nothing is stored then.
    """

    calibration: Calibration
    samples: Samples | None = None
    notes: tuple[str, ...] = ()
    contradicted: bool = False


def resolve(binary: str, function: str, *, knowledge: Knowledge | None = None) -> Calibration:
    """Where a function's arguments and results are, from the store or the binary; nothing is run.

    Args:
        binary: its path.
        function: its name in the source, its symbol, or its address (``0x1139``).
        knowledge: where to look and what to remember; None for the user's store.

    Raises:
        BinaryError: if the binary can't be read, or has no debug information and no stored calibration.
        FunctionNotFoundError: if it doesn't have the function.
        AmbiguousFunctionError: if it has several.
    """
    knowledge = knowledge or Knowledge()
    image, found = functions_of(binary, _name(function), knowledge)
    return knowledge.of(image, found[0])


def calibrate(
    binary: str,
    function: str,
    target: Command | Pids | Container | Remote | None = None,
    *,
    hits: int = 8,
    expect: Sequence[Expectation] = (),
    timeout: float = 30.0,
    store: bool = True,
    knowledge: Knowledge | None = None,
) -> Calibrated:
    """Find out where a function's arguments are, and confirm it on a run of a program under gdb.

    Args:
        binary: the path of the program or library that has the function.
        function: its name in the source, its symbol, or its address (``0x1139``).
        target: a command, which is started and ended; or one process that runs, or that of a container which
            runs the binary: gdb holds it until the hits have come or the time is over; a remote stub that
            speaks gdb's protocol, whose processor may be another than ours; None for the binary alone.
        hits: how many entries of the function gdb looks at.
        expect: what is known of the arguments' values.
        timeout: for how many seconds gdb waits for the hits.
        store: whether the result is kept for later traces.
        knowledge: where it is kept; None for the user's store.

    Raises:
        UsageError: if there are expectations and no target, or one names no argument.
        TracekitError: if the function can't be found, or gdb can't run.
    """
    knowledge = knowledge or Knowledge()
    if target is None:
        if expect:
            raise UsageError(
                "what is expected can only be seen in a run",
                "Give a command after --, or a process with -p PID.",
            )
        image, found = functions_of(binary, _name(function), knowledge)
        calibration = knowledge.static(image, found[0])
        if store:
            knowledge.keep(calibration, image, binary, "static")
        return Calibrated(calibration, notes=tuple(knowledge.notes))
    if isinstance(target, Remote):
        place = _apart(binary, function, knowledge)
        return calibrate_place(
            place, binary, target, hits=hits, expect=expect, timeout=timeout, store=store, knowledge=knowledge
        )
    target = _one(target, _program(binary, function))
    pids = target.pids if isinstance(target, Pids) else ()
    for pid in pids:
        process.Attached.open(pid).close()  # says in words what is wrong with it
    located = locate(_program(binary, function), pids, 1 << 30, knowledge)
    try:
        ((place, *_),) = located.places.values()
        return calibrate_place(
            place, binary, target, hits=hits, expect=expect, timeout=timeout, store=store, knowledge=knowledge
        )
    finally:
        located.close()


def calibrate_place(
    place: Place,
    binary: str,
    target: Command | Pids | Remote,
    *,
    knowledge: Knowledge,
    hits: int = 8,
    expect: Sequence[Expectation] = (),
    timeout: float = 30.0,
    store: bool = True,
) -> Calibrated:
    """The same for a function that was found already; see ``calibrate``."""
    from tracekit.backends.gdb.sampler import sample
    from tracekit.calibration.match import confirm

    image, function = place.image, place.function
    after = None
    try:
        predicted = knowledge.static(image, function)
        after = image.ask(_after_prologue, predicted.address)
    except BinaryError as error:
        predicted = _unknown(image, function, error)
    beside = isinstance(target, Command)
    with doing(
        f"{'running the command' if beside else 'waiting for entries'} under gdb", beside_command=beside
    ):
        samples = sample(
            SampleRequest(
                binary=place.path,
                address=predicted.address,
                architecture=image.machine,
                target=target,
                name=binary,
                hits=hits,
                timeout=timeout,
                after=after,
            )
        )
    calibration = confirm(predicted, samples, expect) if samples.hits else predicted
    contradicted = any(
        before.known and not after.known
        for before, after in zip(predicted.arguments, calibration.arguments, strict=False)
    )
    # A wrong expectation must not spoil what later traces go by.
    if store and calibration.arguments and samples.hits and not contradicted:
        knowledge.keep(calibration, image, binary, "gdb")
    notes = tuple(dict.fromkeys((*samples.notes, *knowledge.notes)))
    return Calibrated(calibration, samples, notes, contradicted)


def _after_prologue(image: Image, address: int) -> int | None:
    """Where unoptimised code has put its arguments into its frame."""
    return debug(image).prologue_end(address) if debug(image).is_unoptimised(address) else None


def _one(target: Command | Pids | Container, program: Program) -> Command | Pids:
    """A target that is a container's process, if it is in one."""
    found, _ = processes_meant(target, program)
    assert not isinstance(found, SystemWide)
    if isinstance(target, Container) and isinstance(found, Pids) and len(found.pids) > 1:
        raise UsageError(
            f"{len(found.pids)} processes of the container {target.name} run that, and gdb holds one",
            f"Name one with -p PID: {', '.join(map(str, found.pids))}.",
        )
    return found


def _unknown(image: Binary, function: Function, error: BinaryError) -> Calibration:
    """A function of which only the place is known."""
    return Calibration(
        build_id=image.identity,
        architecture=image.machine,
        symbol=function.name,
        address=function.address,
        name=function.name,
        language=Language.GO if image.is_go else Language.OTHER,
        types=Types(),
        warnings=(error.message,),
    )


def _apart(binary: str, function: str, knowledge: Knowledge) -> Place:
    """A function of a binary that this machine may not be able to run."""
    image, found = functions_of(binary, _name(function), knowledge)
    if not image.facts.elf:
        raise BinaryError(f"{binary} is no ELF binary, so gdb can't look at it in a run")
    return Place(image, f"/proc/self/fd/{image.descriptor}", found[0])


def _program(binary: str, function: str) -> Program:
    return Program(Clause(Uprobe(binary, _name(function)), aggregates=Aggregate("", Count())))


def _name(function: str) -> FunctionName:
    """The name of one function: a star in it is Go's, and no wildcard."""
    return FunctionName(function, exact="*" in function)
