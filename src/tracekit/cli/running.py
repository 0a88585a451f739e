"""How commands take the ways in which a program is run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from tracekit.backends.base import Options
from tracekit.backends.registry import ORDER
from tracekit.cli.programs import F, option
from tracekit.core.verdict import Verdict
from tracekit.workflow.running import DEFAULT_BACKEND


def running_parameters(function: F) -> F:
    """The parameters that say how a program is run, besides those of ``limit_parameters``."""
    for decorate in (
        option("--sudo", is_flag=True,
               help="Run tracekit and the command as yourself, and only what places probes as root."),
        option("--attach-gdb", is_flag=True,
               help="Let gdb hold a process that runs already (-p): it stops at each event."),
        option("--backend", default=DEFAULT_BACKEND, metavar="NAME", show_default=True,
               help=f"The engine: {', '.join(ORDER)}, or auto for the first of them that can."),
        option("--calibrate", is_flag=True,
               help="Run the command under gdb first, to confirm where arguments are."),
        option("--require", type=click.Choice(["good", "high", "verified"]), default="good", show_default=True,
               help="Refuse names whose places are known less well than this (docs/calibrate.md)."),
        option("--max-probes", type=click.IntRange(min=1), default=128, metavar="N", show_default=True,
               help="Refuse wildcards that match more functions than this."),
        option("--max-string", type=click.IntRange(2, 1024), default=64, metavar="N", show_default=True,
               help="Keep this many bytes of a string, its end included."),
        option("--max-keys", type=click.IntRange(1, 1 << 24), default=16384, metavar="N", show_default=True,
               help="Room for this many keys, and buckets of keys, in a map."),
        option("--exact/--no-exact", default=True, show_default=True,
               help="Collect count, sum, min and max with every aggregation."),
    ):  # fmt: skip
        function = decorate(function)
    return function


def options_of(given: Mapping[str, Any]) -> Options:
    """The options among a command's parameters, by their names."""
    named = {name: given[name] for name in Options.__match_args__ if name in given}
    return Options(**named | {"require": Verdict(given["require"])})
