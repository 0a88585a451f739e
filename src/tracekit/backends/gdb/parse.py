"""What is told inside of gdb, into the model. Pure."""

from __future__ import annotations

from typing import Any, Final

from tracekit.backends.base import Reading
from tracekit.backends.figures import Figures, told, unreturned
from tracekit.backends.gdb.quoting import BACKEND
from tracekit.backends.gdb.understood import understood
from tracekit.backends.plan import MapPlan, Plan
from tracekit.backends.window import overload_of
from tracekit.core.result import Key, Loss, LossKind, MapResult

_ROOM: Final = "Raise --max-keys, or use fewer keys or wider buckets."


def reading(plan: Plan, document: dict[str, Any]) -> Reading:
    """A reading of all maps.

    Args:
        plan: what the program keeps.
        document: what ``tracing`` told, of the kind ``counted``.

    Raises:
        EngineError: if it isn't of that form.
    """
    with understood():
        return _reading(plan, document)


def _reading(plan: Plan, document: dict[str, Any]) -> Reading:
    final = bool(document["final"])
    maps: list[MapResult] = []
    losses: list[Loss] = []
    notes: list[str] = []
    for m, kept in zip(plan.maps, document["maps"], strict=True):
        total = sum(document["totals"][n] for n in m.totals)
        found = told(m, _figures(m, kept), total, final=final, engine=BACKEND, room=_ROOM)
        maps.append(found.result)
        losses += found.losses
        notes += found.notes
    for n in plan.returns:
        lost, remarks = unreturned(document["entries"][n], document["returns"][n])
        losses += lost
        notes += remarks
    if document["unreadable"]:
        losses.append(
            Loss(
                LossKind.APPROXIMATE,
                f"{document['unreadable']} times an address could not be read, and what is there counted as 0 "
                "or an empty string",
                count=document["unreadable"],
                hint="Read only what the pointer surely points at: add a filter, such as 'arg0 != 0'.",
            )
        )
    if document["unfit"]:
        losses.append(
            Loss(
                LossKind.APPROXIMATE,
                f"{document['unfit']} times a float had no integer of 64 bits: the nearest one counted "
                "instead, and 0 for what is no number (NaN)",
                count=document["unfit"],
                hint="Leave such numbers out by a filter: 'x == x' is false for what is no number.",
            )
        )
    if document["failure"]:
        losses.append(Loss(LossKind.INCOMPLETE, f"tracing stopped early: {document['failure']}"))
    return Reading(
        final,
        document["nanoseconds"],
        tuple(maps),
        tuple(losses),
        tuple(notes),
        hits=document["stops"],
        overload=overload_of(document["guard"]),
    )


def _figures(m: MapPlan, kept: dict[str, Any]) -> Figures:
    figures = Figures(full=kept["full"], cut={tuple(keys) for keys in kept["cut"]})
    buckets, counts, sums, least, most = {}, {}, {}, {}, {}
    for raw, count, total, low, high, inside in kept["rows"]:
        keys: tuple[Key, ...] = tuple(raw)
        buckets[keys], counts[keys], sums[keys] = dict(inside), count, total
        least[keys], most[keys] = low, high
    columns = {"b": ("buckets", buckets), "c": ("counts", counts), "s": ("sums", sums)}
    columns |= {"n": ("least", least), "x": ("most", most)}
    for part in m.parts:
        name, column = columns[part]
        setattr(figures, name, column)
    return figures
