"""How ``trace`` takes a second engine, and what its verdict does to the status."""

from __future__ import annotations

from typing import Final

import click

from tracekit.backends.registry import backend_names
from tracekit.cli.programs import F, Verb, option
from tracekit.core.result import LossKind, Result
from tracekit.workflow.choose import FIRST, SECOND

_OPTION: Final = "--cross-check"


class CrossCheckable(Verb):
    """A command with ``--cross-check [NAME]``: the word after it is a name only if it is one of ours.

    Otherwise it is the program, or its binary; another package's backend is named by ``--cross-check=NAME``.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = args[: args.index("--")] if "--" in args else args
        if _OPTION in own:
            at = own.index(_OPTION)
            if not set(own[at + 1 : at + 2]) & set(backend_names()):
                args = [*args[:at], f"{_OPTION}={SECOND}", *args[at + 1 :]]
        return super().parse_args(ctx, args)


def cross_check_parameter(function: F) -> F:
    """The parameter that names the second engine."""
    return option(
        _OPTION, metavar="[NAME]",
        help=f"Have a second engine count beside {FIRST}, and compare; {SECOND} if none is named.",
    )(function)  # fmt: skip


def confirmed(result: Result) -> bool:
    """Whether no second engine has counted otherwise."""
    return not any(loss.kind is LossKind.UNCONFIRMED for loss in result.losses)
