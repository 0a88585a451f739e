"""Clauses of D, from statements: some of them have one of their own, since a fault ends a clause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracekit.backends.dtrace.emit import Statement, bare


def clause(probes: Sequence[str], predicate: str, body: Sequence[str]) -> str:
    """One clause.

    Args:
        probes: descriptions of probes.
        predicate: when it runs; empty for always.
        body: its statements, a line for each.
    """
    head = [",\n".join(probes)]
    if predicate:
        head.append(f"/{bare(predicate)}/")
    return "\n".join([*head, "{", *(f"  {line}" for line in body), "}"])


def clauses(probes: Sequence[str], predicate: str, statements: Sequence[Statement]) -> Iterator[str]:
    """Clauses that run statements one after the other, whatever becomes of the risky ones.

    Variables of ``this->`` outlive a clause: all clauses of a probe see the same ones.
    """
    together: list[str] = []
    for statement in statements:
        if isinstance(statement, str):
            together.append(statement)
            continue
        if together:
            yield clause(probes, predicate, together)
            together = []
        yield clause(probes, both(predicate, statement.condition), [statement.text])
    if together:
        yield clause(probes, predicate, together)


def both(*conditions: str) -> str:
    """A condition that holds where all do; the empty one always does."""
    return " && ".join(c for c in conditions if c)
