"""How ``trace`` takes a second engine, and what its verdict does to the status."""

from __future__ import annotations

from typing import Any

import click

from tracekit.backends.registry import backend_names
from tracekit.cli.programs import F, option
from tracekit.core.result import LossKind, Result
from tracekit.errors import UsageError
from tracekit.workflow.crosscheck import SECOND


class _Backend(click.ParamType[str]):
    """A backend's name; also a third party's, which only the registry knows."""

    name = "BACKEND"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if "/" in value or "." in value:  # the program that was meant to stand alone
            raise UsageError(
                f"--cross-check takes {value!r} for an engine's name",
                f"Write --cross-check={SECOND}, or put --cross-check behind the program.",
            )
        return str(value)


def cross_check_parameter(function: F) -> F:
    """The parameter that names the second engine."""
    return option(
        "--cross-check", type=_Backend(), is_flag=False, flag_value=SECOND,
        help=f"Have a second engine count beside {backend_names()[0]}, and compare; {SECOND} if none is named.",
    )(function)  # fmt: skip


def confirmed(result: Result) -> bool:
    """Whether no second engine has counted otherwise."""
    return not any(loss.kind is LossKind.UNCONFIRMED for loss in result.losses)
