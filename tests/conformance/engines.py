"""The matrix's columns: a new engine is a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen
class Column:
    """An engine that every case is run on.

    Attributes:
        name: the column's title.
        backend: the backend that runs it.
        kit: its name among the engines of ``tools/engines.py``; empty if it is tracekit itself.
        version: how its version begins; another one isn't this column.
        variable: the environment variable that names its program to tracekit; empty if it has none.
        events: how many events each of many threads makes.
        options: further options of each run, by their names in ``Options``: gdb must be allowed to attach.
    """

    name: str
    backend: str
    kit: str
    version: str
    variable: str
    events: int = 125_000
    options: Mapping[str, Any] = {}


_ATTACH: Mapping[str, Any] = {"attach_gdb": True}

COLUMNS = {
    column.name: column
    for column in (
        Column("bpf own", "bpf", "", "", ""),
        Column("bpftrace 0.17", "bpftrace", "system", "0.17.", "TRACEKIT_BPFTRACE"),
        Column("bpftrace 0.23", "bpftrace", "bpftrace-trixie", "0.23.", "TRACEKIT_BPFTRACE"),
        Column("bpftrace 0.27", "bpftrace", "bpftrace-sid", "0.27.", "TRACEKIT_BPFTRACE"),
        Column("dtrace 2.0.7", "dtrace", "dtrace-sid", "2.0.7", "TRACEKIT_DTRACE"),
        Column("gdb 13", "gdb", "gdb-bookworm", "13.", "TRACEKIT_GDB", 1000, _ATTACH),
        Column("gdb 16", "gdb", "gdb-trixie", "16.", "TRACEKIT_GDB", 1000, _ATTACH),
        Column("gdb 18", "gdb", "gdb-sid", "18.", "TRACEKIT_GDB", 1000, _ATTACH),
    )
}
