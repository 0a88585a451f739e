"""What every backend takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from tracekit.core.arch import Architecture
from tracekit.core.feature import Feature
from tracekit.core.probe import FunctionProbe
from tracekit.core.program import Program
from tracekit.core.result import Engine, Loss, LossKind, MapResult
from tracekit.core.target import Target
from tracekit.core.verdict import Verdict
from tracekit.values import frozen

if TYPE_CHECKING:
    from tracekit.binaries import Binary
    from tracekit.symbols.function import Function, StackCheck


def patience(probes: int) -> float:
    """How many seconds an engine may take to place its probes, or to take them away and tell its result.

    Taking away one probe costs the kernel up to 0.15 s (it waits for all processors), however few events
    there are.
    """
    return 60.0 + 1.0 * probes


@frozen
class Options:
    """How a program is run; the same for every backend.

    Attributes:
        exact: collect count, sum, min and max with every aggregation of a value.
        max_keys: how many entries a map may have in the kernel.
        max_string: how many bytes of a string are kept, its NUL included.
        max_probes: how many probes a program's functions may need together.
        interval: seconds between snapshots; None for none.
        max_events: stop once so many events were counted; None for no limit.
        max_rate: stop when the probes are run into more often than so many times a second, by whatever process;
            None for no limit.
        max_overhead: stop when that takes more than so many per cent of a processor, by an estimate; None for
            no limit.
        on_overload: what happens then: ``stop``, or ``sample`` to go on with short windows and pauses between.
        require: how well it must be known where the arguments are that the program names.
        calibrate: run the command under gdb first, to confirm where they are.
        attach_gdb: let gdb hold a process that runs already, and stop it at each event.
        sudo: have what places the probes, and nothing else, run as root, by sudo or the like.
        cross_check: the name of an engine that counts the same beside the first, to compare the two; None for
            none.
        system: the system that a script is for: ``linux``, ``macos``, ``illumos`` or ``freebsd``, or as
            ``platform.system()`` has it.
    """

    exact: bool = True
    max_keys: int = 16384
    max_string: int = 64
    max_probes: int = 128
    interval: float | None = None
    max_events: int | None = None
    max_rate: float | None = None
    max_overhead: float | None = None
    on_overload: str = "stop"
    require: Verdict = Verdict.GOOD
    calibrate: bool = False
    attach_gdb: bool = False
    sudo: bool = False
    cross_check: str | None = None
    system: str = "linux"


UNASKED: Final = Loss(
    LossKind.INCOMPLETE,
    "somebody ended the engine before tracing was over: what came after that is missing",
    hint="Signal tracekit, and not its engine.",
)
"""The loss of a run whose engine told its result, and ended, though nobody had asked tracekit for that."""


@frozen
class Script:
    """A program compiled for an engine, for a person to read or paste.

    Attributes:
        backend: the backend's name.
        text: the script.
        arguments: the engine's command, with the script as an argument.
        features: what the program needs of the engine.
    """

    backend: str
    text: str
    arguments: tuple[str, ...]
    features: frozenset[Feature]


@frozen
class Place:
    """A function that a probe names, found in its binary.

    Attributes:
        image: the binary.
        path: a path to the very file that was read, whatever happens to its name: our own descriptor.
        function: the function.
        stack_check: the check of the stack at its start, after which a Go function is not entered twice.
        returns: for a probe of its return, the virtual addresses of its return instructions, each of which is
            to be probed; empty to use the kernel's return probe.
        goroutine: whether it runs on a goroutine's stack, by Go's ABIInternal.
    """

    image: Binary
    path: str
    function: Function
    stack_check: StackCheck | None = None
    returns: tuple[int, ...] = ()
    goroutine: bool = False

    @property
    def probes(self) -> int:
        """How many probes a probe of the function needs, besides one at a return's entry."""
        return max(1, len(self.returns))


@frozen
class Processes:
    """Whose events count.

    Attributes:
        pids: their ids; empty for every process.
        follow: whether processes that they fork from now on count too.
        hand_over: has a command that we started, and still hold, stop until a debugger takes it (see
            ``process.Target.hand_over``); None for processes that ran already.
    """

    pids: tuple[int, ...] = ()
    follow: bool = False
    hand_over: Callable[[], None] | None = None


@frozen
class Overload:
    """Why an engine stopped before it was asked to: the probes were run into too often.

    Attributes:
        at: nanoseconds since the probes were in place.
        events: how many events there were in the last window of time.
        nanoseconds: how long that window was.
    """

    at: int
    events: int
    nanoseconds: int

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events * 1e9 / max(1, self.nanoseconds)


@frozen
class Reading:
    """All maps at one moment.

    Attributes:
        final: whether it is the result: the probes were gone.
        nanoseconds: the engine's clock, since some moment in the past.
        maps: the maps, counts since the run's start.
        losses: what is missing from them.
        notes: what a reader should know besides.
        hits: how often the target ran into a probe.
        others: how often other processes did.
        overload: why the engine stopped by itself; None if it didn't.
        traced: for how many nanoseconds the probes were in place; None for all the time.
    """

    final: bool
    nanoseconds: int
    maps: tuple[MapResult, ...]
    losses: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()
    hits: int = 0
    others: int = 0
    overload: Overload | None = None
    traced: int | None = None

    @property
    def counted(self) -> bool:
        """Whether any event is counted in a map."""
        return any(m.total for m in self.maps)


class Tracer(Protocol):
    """An engine at work on one program. Never stops or ends a target."""

    @property
    def script(self) -> str:
        """What the engine was given to run."""

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What the engine said of losses, besides those in readings."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the engine warned of, and what a reader should know of how it was used."""

    def attach(self) -> None:
        """Start the engine; return once every probe is in place.

        Raises:
            TracekitError: if it can't be, with the cause.
        """

    def fileno(self) -> int:
        """A descriptor that is readable when ``poll`` has something."""

    def poll(self) -> Sequence[Reading]:
        """The readings that have come since the last call; never waits."""

    @property
    def ended(self) -> bool:
        """Whether the engine has ended by itself."""

    def finish(self) -> Sequence[Reading]:
        """Have the probes taken away; give the readings that are left, the final one last if it came."""

    def describe(self) -> Engine:
        """What did the tracing."""

    def close(self) -> None:
        """End the engine, whatever state it is in."""


@runtime_checkable
class Watchable(Protocol):
    """A ``Tracer`` that can be asked at any moment how its maps stand, at next to no cost."""

    def look(self) -> Reading:
        """How they stand."""


class Backend(Protocol):
    """An engine's way to compile and to run programs.

    Attributes:
        takes_hold: whether the engine takes hold of processes by itself, as a debugger does, and needs a
            command to wait for it at its program's entry, held by nobody.
        in_files: whether its probes are in files, and so in every process that runs them.
    """

    takes_hold: bool
    in_files: bool

    def compile(
        self,
        program: Program,
        arch: Architecture,
        options: Options,
        target: Target | None,
        remarks: Sequence[str],
    ) -> Script:
        """Compile a program for a person to read or paste; pure, on any system.

        Args:
            program: what is asked; it has no unresolved names.
            arch: the target's processor.
            options: see ``Options``.
            target: whose events count; None for every process.
            remarks: lines for the reader, which come first as comments.

        Raises:
            UnsupportedError: if the engine can't do what the program needs.
            UsageError: if an expression has no meaning.
        """

    def tracer(
        self,
        program: Program,
        places: Mapping[FunctionProbe, Sequence[Place]],
        files: Mapping[str, str],
        processes: Processes,
        options: Options,
    ) -> Tracer:
        """Prepare a run on this machine.

        Nothing is started yet. A command is still at its first instruction; where ``takes_hold`` is true it
        waits at its program's entry when ``attach`` is called. Where no backend was named, another one is tried
        if this or ``attach`` raises anything, so say here what can't be done, and leave nothing behind.

        Args:
            program: what is asked; it has no unresolved names.
            places: where its function probes go.
            files: for each binary, by the program's name for it, a path to the very file that was read.
            processes: whose events count.
            options: see ``Options``.

        Raises:
            UnsupportedError: if the engine can't do what the program needs.
            PrivilegeError: if this process may not trace.
            EngineMissingError: if the engine isn't there.
        """
