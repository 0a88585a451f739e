"""What is said beside a result's pictures: what its maps are, and where the result comes from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tracekit.core.aggregation import value_of
from tracekit.core.escape import printable
from tracekit.core.expr import Builtin, BuiltinName
from tracekit.core.program import Aggregate
from tracekit.core.result import Ending, Key, MapResult, Provenance, Result, TargetRecord
from tracekit.render.text import heading
from tracekit.syntax.printer import print_aggregation, print_probe
from tracekit.values import frozen


@frozen
class Caption:
    """What stands around a histogram; all of it fit for a reader already.

    Attributes:
        name: whose it is: ``@bytes[4711]``.
        what: what it counts.
        complete: whether it is more than a lower bound.
        remarks: what is missing from it.
    """

    name: str
    what: str = ""
    complete: bool = True
    remarks: tuple[str, ...] = ()


def caption(result: Result, map_: MapResult, keys: tuple[Key, ...] | None) -> Caption:
    """What stands around one of a result's histograms; the keys are None for all entries together."""
    together = f", all {len(map_.entries)} keys together" if keys is None else ""
    return Caption(
        heading(map_, keys or ()) + together,
        described(result.provenance, map_),
        result.complete,
        tuple(printable(loss.message) for loss in result.losses if loss.map in (None, map_.name)),
    )


def described(provenance: Provenance, map_: MapResult) -> str:
    """What a map counts, by the program: ``lhist(value.len, 0, 16K, 128) at uprobe:./server:insert``.

    Without the program it is the aggregation's word.
    """
    found = list(_aggregates(provenance, map_))
    if not found:
        return printable(map_.function)
    what = dict.fromkeys(print_aggregation(aggregate.function) for aggregate, _ in found)
    where = dict.fromkeys(probe for _, probes in found for probe in probes)
    return printable(f"{' and '.join(what)} at {', '.join(where)}")


def unit(provenance: Provenance, map_: MapResult) -> str:
    """What a map's values are measured in, if it is known: ``ns`` for elapsed times, else nothing."""
    found = [value_of(aggregate.function) for aggregate, _ in _aggregates(provenance, map_)]
    return "ns" if found and all(value == Builtin(BuiltinName.ELAPSED) for value in found) else ""


def _aggregates(provenance: Provenance, map_: MapResult) -> Iterator[tuple[Aggregate, list[str]]]:
    if provenance.program is None:
        return
    for clause in provenance.program.clauses:
        for aggregate in clause.aggregates:
            if aggregate.name == map_.name:
                yield aggregate, [print_probe(probe) for probe in clause.probes]


def origin(provenance: Provenance) -> list[tuple[str, str]]:
    """Where a result comes from, as words and what they stand for; what isn't known is left out."""
    engine, machine, target = provenance.engine, provenance.machine, provenance.target
    rows = [
        ("engine", _words(engine.name, engine.version, engine.path and f"({engine.path})")),
        ("command", " ".join(target.argv)),
        ("processes", _processes(target)),
        ("ended", _ended(target.ending)),
        (
            "machine",
            " ".join(filter(None, (machine.node, machine.system, machine.release, machine.architecture))),
        ),
        *(
            ("binary", binary.path + (f", build-id {binary.build_id}" if binary.build_id else ""))
            for binary in provenance.binaries
        ),
        ("from", _moment(provenance.started)),
        ("until", _moment(provenance.ended)),
        ("tracekit", provenance.tracekit),
    ]
    if provenance.imported is not None:
        rows += [
            ("read from", f"{provenance.imported.file or 'saved output'} at {_moment(provenance.imported.at)}"),
            ("SHA-256", provenance.imported.sha256),
        ]
    return [(word, printable(text)) for word, text in rows if text]


def _words(*words: str) -> str:
    return " ".join(filter(None, words))


def _processes(target: TargetRecord) -> str:
    who = "every process" if target.system_wide else ", ".join(map(str, target.pids))
    return who + (" and what they forked" if target.follow and who else "")


def _ended(ending: Ending | None) -> str:
    if ending is None:
        return ""
    how = f"by {ending.signal}" if ending.signal is not None else f"with status {ending.status}"
    return how + (", since tracing ended" if ending.by_us else "")


def _moment(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(" ", "milliseconds")
