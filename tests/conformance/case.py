"""The cases: programs in ``cases/NAME.tk`` whose first comments say what they are about.

    // Keys: strings with every quote and bracket   group and title
    // run: ./calls texts                           the command, in the folder of the built targets
    // options: max_keys=100 follow                 what differs from the defaults of a run
    // loses: full-map lost-events@dtrace           what the result must say that it lacks; on all engines, or
                                                    on those whose names begin so (``bpftrace-0.17``)
    // varies: process ids                          what no two runs have the same

The command ``attach: …`` is started by somebody else, and traced from its first read of standard input on.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import attrs

CASES = Path(__file__).parent / "cases"

_COMMENT = re.compile(r"// ([^:]+): (.*)")


@attrs.frozen
class Case:
    """One program and its target.

    Attributes:
        name: the file's name.
        group: what it is a case of.
        title: what it shows.
        command: the target's words; ``{events}`` stands for the engine's number of events of many.
        attach: whether the target runs already when tracing begins.
        options: a run's options, by their names in ``Options``, and ``follow``.
        losses: the kinds of loss that the result must tell, each with how the engines' names begin.
        varies: what no two runs have the same, so that only its target knows the truth; mostly empty.
        text: the program.
    """

    name: str
    group: str
    title: str
    command: tuple[str, ...]
    text: str
    attach: bool = False
    options: tuple[tuple[str, str], ...] = ()
    losses: tuple[tuple[str, str], ...] = ()
    varies: str = ""

    def loses(self, engine: str) -> tuple[str, ...]:
        """The kinds of loss that the result of an engine must tell, sorted."""
        return tuple(sorted(kind for kind, where in self.losses if engine.startswith(where)))


def read(file: Path) -> Case:
    """The case of a file."""
    lines = file.read_text().splitlines()
    (group, title), *rest = (found.groups() for line in lines if (found := _COMMENT.fullmatch(line)))
    said = dict(rest)
    if unknown := said.keys() - {"run", "attach", "options", "loses", "varies"}:
        raise ValueError(f"{file.name} has {', '.join(unknown)}, which no case has")
    options = (word.partition("=") for word in said.get("options", "").split())
    losses = (word.partition("@") for word in said.get("loses", "").split())
    return Case(
        name=file.stem,
        group=group,
        title=title,
        command=tuple((said.get("run") or said["attach"]).split()),
        text=file.read_text(),
        attach="attach" in said,
        options=tuple((name, value) for name, _, value in options),
        losses=tuple((kind, where.replace("-", " ")) for kind, _, where in losses),
        varies=said.get("varies", ""),
    )


@cache
def cases() -> dict[str, Case]:
    """All cases by their names, those of a group together."""
    found = sorted(map(read, CASES.glob("*.tk")), key=lambda case: (case.group, case.name))
    return {case.name: case for case in found}
