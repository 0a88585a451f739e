"""What a real bpftrace would print for a plan and the events that happened: an independent simulation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from tracekit.backends.plan import MapPlan, Plan

LOW = (1 << 63) - 1
Event = tuple[tuple[int | bytes, ...], int]
"""The keys, and the value."""


def rows(plan: Plan, found: MapPlan, events: Sequence[Event]) -> dict[str, dict[str, int]]:
    """The rows of a map's maps in the script: for each name, what is in brackets and the number after it."""
    tables: dict[str, dict[str, int]] = {f"{part}{found.number}": {} for part in found.parts}
    groups: dict[str, list[int]] = defaultdict(list)
    for keys, value in events:
        groups[", ".join(_shown(plan, key) for key in keys)].append(value)
    for shown, values in groups.items():
        _add(tables, found, shown, values)
    return tables


def _shown(plan: Plan, key: int | bytes) -> str:
    return str(key) if isinstance(key, int) else f"{key.decode('latin-1')}, {plan.nonce}"


def _add(tables: dict[str, dict[str, int]], found: MapPlan, shown: str, values: Sequence[int]) -> None:
    def put(part: str, extra: int | None, number: int, greatest: bool = False) -> None:
        if part in found.parts:
            index = ", ".join(x for x in (shown, "" if extra is None else str(extra)) if x)
            table = tables[f"{part}{found.number}"]
            table[index] = max(table.get(index, 0), number) if greatest else table.get(index, 0) + number

    for value in values:
        word = value % (1 << 64)
        if found.scheme is not None:
            put("b", value if value <= LOW else value - (1 << 64), 1)  # any value of the bucket will do
        put("c", None, 1)
        put("s", None, word)
        put("n", word >> 63, LOW - (word & LOW), greatest=True)
        put("x", word >> 63, word & LOW, greatest=True)


def output(plan: Plan, events: dict[str, Sequence[Event]], kind: str = "result", aside: str = "") -> bytes:
    """A whole block of output.

    Args:
        plan: of the script.
        events: for each map of the program, what happened.
        kind: ``result`` or ``snapshot``.
        aside: what the engine says between the rows.
    """
    lines = [f"{plan.nonce} {kind} 123\n"]
    for n in range(plan.clauses):
        total = sum(len(events[m.name]) for m in plan.maps if n in m.totals)
        lines.append(f"@t{n}: {total}\n\n")
    for found in plan.maps:
        for name, table in rows(plan, found, events[found.name]).items():
            for index, number in table.items():
                shown = number % (1 << 64) if name.startswith("s") else number
                lines.append(f"@{name}{f'[{index}]' if index else ''}: {shown}\n")
                lines.append(aside)
            lines.append("\n")
    lines.append(f"{plan.nonce} {'done' if kind == 'result' else 'shown'}\n")
    return "".join(lines).encode("latin-1")
