"""What a run gave: histograms by map and key, what is missing from them, and where they come from."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from datetime import datetime

import attrs

from tracekit.core.display import Shown
from tracekit.core.histogram import Histogram
from tracekit.core.program import Program
from tracekit.core.verdict import Verdict
from tracekit.values import frozen

Key = int | str
"""One key's value. Bytes of a string that aren't UTF-8 stand as ``surrogateescape`` has them."""


@frozen
class MapResult(Shown):
    """The histograms of one map.

    Attributes:
        name: the map's name without ``@``.
        function: the aggregation's word: ``count``, ``sum``, …, ``hist``, ``lhist``, ``llquantize``; or
            ``value`` for one number, not known which, that stands as the sum.
        key_names: the keys' expressions as text; empty for a map without keys.
        entries: a histogram for each tuple of keys; the one of ``()`` for a map without keys.
        key_labels: for each key, what the source calls its values, if it is an enumeration; empty if no key
            is.
    """

    name: str
    function: str
    key_names: tuple[str, ...] = ()
    entries: Mapping[tuple[Key, ...], Histogram] = attrs.field(factory=dict)
    key_labels: tuple[Mapping[int, str], ...] = ()

    @property
    def total(self) -> int:
        """How many values all entries have together."""
        return sum(h.count for h in self.entries.values())


class LossKind(enum.Enum):
    """The ways in which a result can be less than, or other than, the whole truth."""

    INCOMPLETE = "incomplete"
    EVENTS = "lost-events"
    KEYS = "full-map"
    UNRETURNED = "unreturned"
    TRUNCATED = "truncated"
    OVERFLOW = "overflow"
    APPROXIMATE = "approximate"
    OVERLOAD = "overload"
    ENGINE = "engine-warning"
    UNCONFIRMED = "unconfirmed"


@frozen
class Loss:
    """Something that keeps a result from being the whole truth.

    Attributes:
        kind: what sort of loss.
        message: one sentence that says what is missing.
        count: how many events are concerned; None if it can't be known.
        map: the map that is concerned; None for all.
        hint: what to do about it, or the empty string.
    """

    kind: LossKind
    message: str
    count: int | None = None
    map: str | None = None
    hint: str = ""


@frozen
class Binary:
    """A binary that was probed.

    Attributes:
        path: as the program names it.
        build_id: its GNU or Go build-id in hexadecimal, or the empty string.
    """

    path: str
    build_id: str = ""


@frozen
class Resolution:
    """What a name of the program was taken for, and how well that is known.

    Attributes:
        name: the name as the program has it: ``value.len``.
        function: the function whose argument it is, as its symbol.
        type: its type in the source.
        location: where it was read, in words: ``rdx (arg2)``.
        verdict: how well that is known.
        evidence: what says so.
    """

    name: str
    function: str
    type: str
    location: str
    verdict: Verdict
    evidence: tuple[str, ...] = ()


@frozen
class Ending:
    """How the target ended.

    Attributes:
        status: its exit status; None if it didn't exit by itself.
        signal: the name of the signal that ended it, such as ``SIGSEGV``; None if none did.
        by_us: whether tracekit ended it, because tracing ended before it did.
    """

    status: int | None = None
    signal: str | None = None
    by_us: bool = False


@frozen
class TargetRecord:
    """Who was traced.

    Attributes:
        argv: the command, if tracekit started one.
        pids: the processes.
        system_wide: whether every process was.
        follow: whether their later children were too.
        ending: how the command ended; None if it still runs or there was none.
    """

    argv: tuple[str, ...] = ()
    pids: tuple[int, ...] = ()
    system_wide: bool = False
    follow: bool = False
    ending: Ending | None = None


@frozen
class Engine:
    """What did the tracing.

    Attributes:
        name: the backend's name.
        version: the engine's own word for its version.
        path: its program.
    """

    name: str
    version: str = ""
    path: str = ""


@frozen
class Machine:
    """Where it ran, in the words of ``uname``."""

    system: str = ""
    release: str = ""
    architecture: str = ""
    node: str = ""


@frozen
class Load:
    """What tracing has taken of the processors that ran the probed functions.

    Attributes:
        events: how often the target ran into a probe, also where a filter then left it out.
        others: how often other processes did, that run the same binary; none of it is counted in a map.
        nanoseconds: for how long the probes were in place.
        cost: about how many nanoseconds each of these took at most; None if that wasn't measured.
    """

    events: int
    others: int
    nanoseconds: int
    cost: int | None = None


@frozen
class Import:
    """Saved output of an engine that a result was read from, instead of tracing.

    Attributes:
        file: its name; ``-`` for standard input, or the empty string if it had none.
        sha256: the hash of its bytes in hexadecimal.
        at: when it was read, with a time zone.
    """

    file: str
    sha256: str
    at: datetime


@frozen
class Provenance:
    """Where a result comes from.

    Attributes:
        program: what was asked; None if it isn't known, as for saved output of somebody else's script.
        text: the program as text.
        engine: what did the tracing.
        target: who was traced.
        machine: where.
        binaries: what was probed.
        started: when the probes were in place, with a time zone; None if that isn't known.
        ended: when they were taken away, with a time zone; None if that isn't known.
        tracekit: tracekit's version.
        resolutions: what the program's names were taken for.
        imported: the saved output that it was read from; None if tracekit traced.
        load: what tracing has cost the target; None if that isn't known.
    """

    program: Program | None
    text: str
    engine: Engine
    target: TargetRecord
    machine: Machine
    started: datetime | None
    ended: datetime | None
    binaries: tuple[Binary, ...] = ()
    tracekit: str = ""
    resolutions: tuple[Resolution, ...] = ()
    imported: Import | None = None
    load: Load | None = None


@frozen
class Snapshot:
    """All maps at one moment of a run that goes on; counts are since the run's start.

    Attributes:
        at: seconds since the probes were in place.
        maps: as in a result.
    """

    at: float
    maps: tuple[MapResult, ...]

    def __getitem__(self, name: str) -> MapResult:
        return _find(self.maps, name)


@frozen
class Result(Shown):
    """A run's answer.

    Attributes:
        maps: one for each map of the program, in the program's order.
        provenance: where the answer comes from.
        complete: whether the engine told all it had; if not, no number here is more than a lower bound.
        losses: what is missing; empty if nothing is.
        notes: what a reader should know though nothing is missing.
        merged: where each of the runs comes from that this one was merged from; empty if it is one run.
    """

    maps: tuple[MapResult, ...]
    provenance: Provenance
    complete: bool = True
    losses: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()
    merged: tuple[Provenance, ...] = ()

    def __getitem__(self, name: str) -> MapResult:
        return _find(self.maps, name)

    def __iter__(self) -> Iterator[MapResult]:
        return iter(self.maps)

    @property
    def whole(self) -> bool:
        """Whether the numbers are the whole truth: complete, and nothing lost."""
        return self.complete and not self.losses

    def histogram(self, name: str, *keys: Key) -> Histogram:
        """The histogram of a map's key.

        Args:
            name: the map's name.
            keys: the key's values; none for a map without keys.

        Raises:
            KeyError: if there is no such map, or no event with those keys.
        """
        return self[name].entries[keys]


def _find(maps: tuple[MapResult, ...], name: str) -> MapResult:
    for found in maps:
        if found.name == name:
            return found
    raise KeyError(name)
