"""The recorded runs of DTrace 2.0.7 for Linux, and what they traced."""

from __future__ import annotations

import functools
import json
import re
import shlex

import attrs
from tests.corpus.cases import FOLDER, value_of_word

from tracekit.core.buckets import Linear, Log2, LogLinear, Scheme

_DISTRIBUTION = re.compile(
    r"@(\w*) *= *(quantize|lquantize|llquantize)\((?:\((?:int|int64_t)\))?arg0((?:, *-?\d+)*)\)"
)


@attrs.frozen
class Case:
    """One recorded run.

    Attributes:
        name: what it shows.
        command: the command line, with remarks below it.
        output: standard output, or the file of ``-o``.
        errors: standard error.
    """

    name: str
    command: str
    output: bytes
    errors: bytes

    @functools.cached_property
    def words(self) -> list[str]:
        """The words of the command line."""
        return shlex.split(self.command, comments=True)

    @property
    def schemes(self) -> dict[str, Scheme]:
        """The schemes of the script's distributions of the first argument, in their order."""
        return {
            name: _scheme(word, [int(n) for n in numbers.split(",")[1:]])
            for name, word, numbers in _DISTRIBUTION.findall(self.words[self.words.index("-n") + 1])
        }

    @property
    def values(self) -> list[int] | None:
        """What the probed function was called with; None if it wasn't called with one list of numbers."""
        target = self.words[self.words.index("-c") + 1].split() if "-c" in self.words else []
        if target[1:2] == ["file"]:
            return list(map(int, (FOLDER / "rand512.values.txt").read_text().split()))
        return list(map(value_of_word, target[2:])) if target[1:2] == ["i64"] else None


def _scheme(word: str, numbers: list[int]) -> Scheme:
    if word == "quantize":
        return Log2()
    if word == "lquantize":
        lo, hi, step = numbers if len(numbers) == 3 else [*numbers, 1]
        return Linear(lo, hi, step)
    factor, low, high, steps = numbers
    return LogLinear(factor, low, high, steps)


@functools.cache
def cases() -> dict[str, Case]:
    """All of them, by their names."""
    found = {}
    for line in (FOLDER / "dtrace-2.0.7.jsonl").read_text().splitlines():
        run = json.loads(line)
        for source in ("output", "file"):
            if source in run:
                name = run["case"] if source == "output" else f"{run['case']}.file"
                output, errors = (run[key].encode("utf-8", "surrogateescape") for key in (source, "errors"))
                found[name] = Case(name, run["command"], output, errors)
    return found
