"""``tracekit parse``."""

from __future__ import annotations

import json

import click

from tracekit.cli.programs import Verb, program_of, program_parameters


@click.command("parse", cls=Verb)
@program_parameters
def command(text: str | None, words: tuple[str, ...], by: str | None, where: str | None) -> None:
    """Check a program and print its model as JSON.

    Nothing is run, and no binary is read.
    """
    program = program_of(text, words, by, where)
    from tracekit.codec.model import program_to_dict

    click.echo(json.dumps(program_to_dict(program), indent=2))
