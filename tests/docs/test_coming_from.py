"""docs/coming-from.md: what stands on tracekit's side is understood, options and programs."""

from __future__ import annotations

import re
import shlex
from typing import Final

import click
import pytest
from tests.docs.pages import ROOT

from tracekit.cli.main import cli
from tracekit.cli.programs import program_of

PAGE: Final = (ROOT / "docs/coming-from.md").read_text()
ROWS: Final = [row for row in re.findall(r"^\| (.*) \|$", PAGE, re.MULTILINE) if "tracekit |" not in f"{row} |"]
COMMANDS: Final = [code for row in ROWS for code in re.findall(r"`(tracekit [^`]*)`", row)]


@pytest.mark.parametrize("code", COMMANDS)
def test_it_is_understood(code: str) -> None:
    """The command's options are read, and its program, if it has one."""
    _, verb, *words = shlex.split(code)
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    given = command.make_context(verb, words).params
    if "words" in given:
        assert program_of(given["text"], given["words"], given["by"], given["where"]).clauses


def test_every_row_has_an_answer() -> None:
    """Each row has a command of tracekit's, or says that none is needed."""
    assert len(COMMANDS) > 25
    assert [
        row for row in ROWS if "`tracekit " not in row and not row.endswith("none: it is in the binary")
    ] == []
