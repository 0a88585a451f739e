"""The recorded runs of bpftrace, and the programs and values behind them."""

from __future__ import annotations

import functools
import json
import re
import shlex
from pathlib import Path

import attrs

from tracekit.core.probe import FunctionName, Uprobe
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.errors import TracekitError
from tracekit.syntax import parse_aggregates

FOLDER = Path(__file__).parent
VERSIONS = ("0.17.0", "0.23.2", "0.27.1")

_FUNCTION = r"(?:count|sum|min|max|avg|stats|hist|lhist)\((?:[^()]|\([^()]*\))*\)"
_MAP = re.compile(rf"@(\w*)(\[(?:[^][]|\[[^]]*\])*\])? *= *({_FUNCTION})")


@attrs.frozen
class Case:
    """One recorded run.

    Attributes:
        version: bpftrace's.
        name: what it shows.
        form: ``text`` or ``json``, or ``file.text`` or ``file.json`` for what ``-o`` wrote.
        command: the command line, with remarks below it.
        output: standard output, or that file.
        errors: standard error.
    """

    version: str
    name: str
    form: str
    command: str
    output: bytes
    errors: bytes

    @property
    def label(self) -> str:
        """Version and form; with the name, they are unique."""
        return f"{self.version} {self.form}"

    @functools.cached_property
    def program(self) -> Program | None:
        """The aggregations of the script; None if it has none that tracekit knows."""
        words = shlex.split(self.command, comments=True)
        script = words[words.index("-e") + 1].replace("$x", "(int64)arg0")
        found: list[Aggregate] = []
        for name, keys, function in _MAP.findall(script):
            try:
                found += parse_aggregates(f"@{name}{keys} = {function}")
            except TracekitError:
                continue  # the script uses what tracekit's language hasn't
        return Program((Clause(Uprobe("vals", FunctionName("f")), aggregates=found),)) if found else None

    @functools.cached_property
    def values(self) -> list[int] | None:
        """What the probed function was called with; None if it wasn't called with one list of numbers."""
        words = shlex.split(self.command, comments=True)
        target = words[words.index("-c") + 1].split() if "-c" in words else []
        if target[1:2] == ["file"]:
            return list(map(int, (FOLDER / "rand512.values.txt").read_text().split()))
        return list(map(value_of_word, target[2:])) if target[1:2] == ["i64"] else None


def value_of_word(word: str) -> int:
    """A number as the traced program reads it: ``^40`` is ``2 ** 40``, ``-^40+1`` one above ``-2 ** 40``."""
    named = {"MIN": -(2**63), "MAX": 2**63 - 1}
    if word in named:
        return named[word]
    found = re.fullmatch(r"(-?)(\^?)(\d+)([+-]\d+)?", word)
    assert found is not None
    size = 1 << int(found[3]) if found[2] else int(found[3])
    return (-size if found[1] else size) + int(found[4] or 0)


@functools.cache
def cases() -> tuple[Case, ...]:
    """All of them, version by version."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for version in VERSIONS:
        for line in (FOLDER / f"bpftrace-{version}.jsonl").read_text().splitlines():
            run = json.loads(line)
            if isinstance(run["output"], list):
                other, old, new = run["output"]
                run["output"] = found[other, run["case"]]["output"].replace(old, new)
            found[version, run["case"]] = run
    return tuple(
        Case(
            version=version,
            name=name.rpartition(".")[0],
            form=("file." if source == "file" else "") + name.rpartition(".")[2],
            command=run["command"],
            output=run[source].encode("utf-8", "surrogateescape"),
            errors=run["errors"].encode("utf-8", "surrogateescape"),
        )
        for (version, name), run in found.items()
        for source in ("output", "file")
        if source in run
    )
