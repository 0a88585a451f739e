"""How ``trace`` takes limits on what tracing costs, and what it says of the cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tracekit.cli.programs import F, option
from tracekit.core.escape import printable
from tracekit.core.result import Result
from tracekit.workflow.overload import SAMPLE, STOP, WORTH_EVENTS, rate_of, share_of

if TYPE_CHECKING:
    from tracekit.workflow.session import Session


def limit_parameters(function: F) -> F:
    """The parameters that keep a run from costing its target too much."""
    for decorate in (
        option("--on-overload", type=click.Choice([STOP, SAMPLE]), default=STOP, show_default=True,
               help="Above a limit, stop; or go on in short windows, with pauses in which there is no probe."),
        option("--max-overhead", type=click.FloatRange(min=0, min_open=True), metavar="PERCENT",
               help="Stop before events take more than this share of a processor, by an estimate."),
        option("--max-rate", type=click.FloatRange(min=0, min_open=True), metavar="N",
               help="Stop when there are more events a second than this, those of bystanders included."),
    ):  # fmt: skip
        function = decorate(function)
    return function


class OverloadTold:
    """Says on standard error, once, that a run was stopped to spare its target, while the target goes on."""

    def __init__(self, session: Session) -> None:
        self._session, self._told = session, False

    def tell(self) -> None:
        """Say it if it has come to that."""
        loss = None if self._told else self._session.overload
        if loss is not None and self._session.pid is not None and self._session.running:
            self._told = True
            told = "the command goes on untraced; the result comes when it ends, or with Ctrl-C"
            click.echo(f"{printable(loss.message)}; {told}", err=True)


def tell_load(result: Result) -> None:
    """Say on standard error how many events there were in a second and what they have cost, if it was much."""
    load = result.provenance.load
    if load is None or (total := load.events + load.others) < WORTH_EVENTS:
        return
    share = share_of(load)
    cost = "" if share is None else f", up to {share:.0%} of a processor"
    many = f"{total:,} events in {load.nanoseconds / 1e9:.2f} s"
    click.echo(f"{many}: {rate_of(load):,.0f} a second{cost}", err=True)
