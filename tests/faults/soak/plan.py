"""What a run of the soak is, drawn from a seed: the same seed and number give the same run."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import attrs
from tests.conformance.engines import COLUMNS
from tests.faults.builds import FUNCTION
from tests.faults.soak.faults import FAULTS

PROGRAMS = {
    "count": "uprobe:{b}:{f} {{ @a = count() }}",
    "stats": "uprobe:{b}:{f} {{ @a = stats({v}) }}",
    "hist": "uprobe:{b}:{f} {{ @a = hist({v}) }}",
    "lhist": "uprobe:{b}:{f} {{ @a = lhist({v}, 0, 1024, 64) }}",
    "keys": "uprobe:{b}:{f} {{ @a[{v} & 63] = count(); @b[{v} & 7] = hist({v}) }}",
    "return": "uretprobe:{b}:{f} {{ @r = stats(retval) }}",
    "both": "uprobe:{b}:{f} {{ @a = count() }} uretprobe:{b}:{f} {{ @r = count() }}",
}
"""What is asked: maps @a and @b of calls, @r of returns; the judge knows their keys."""

_MODES = ("run", "run", "threads", "forks", "exec", "crash", "serve", "serve", "serve")
_NAMES = (
    "steady",
    "a b",
    "q\"u'ote",
    "st*r",
    "new\nline",
    "co:lon",
    "esc\x1b[31m",
    "$(id)",
    "caf\udce9",
    "{x}#//",
    "-rf",
)


@attrs.frozen
class Plan:
    """A run.

    Attributes:
        number: which of its seed's runs.
        column: the engine, by its name in the matrix.
        target: the program, by its name in ``builds``.
        name: what its copy is called.
        mode: what it does; ``serve`` for one that runs before tracekit does.
        calls: how many calls it makes.
        pause: how long it rests after every eighth, in microseconds.
        status: its exit status.
        program: what is asked, by its name.
        fault: what goes wrong, by its name.
        moment: when: ``start`` for a time after tracekit's start, ``tracing`` after it says that it traces.
        delay: how long after that, in seconds.
        dice: a number for whatever else a fault has to choose.
    """

    number: int
    column: str
    target: str
    name: str
    mode: str
    calls: int
    pause: int
    status: int
    program: str
    fault: str
    moment: str
    delay: float
    dice: int

    @property
    def attached(self) -> bool:
        """Whether the target runs before tracekit does."""
        return self.mode == "serve"

    @property
    def backend(self) -> str:
        """The engine's backend."""
        return COLUMNS[self.column].backend

    def text(self, binary: str) -> str:
        """The program in tracekit's language.

        Args:
            binary: the target's path.
        """
        quoted = binary.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\x1b", "\\x1b")
        value = 'reg("rax")' if self.target == "go" else "arg0"
        return PROGRAMS[self.program].format(b=f'"{quoted}"', f=f'"{FUNCTION[self.target]}"', v=value)


def plan(seed: str, number: int, columns: Sequence[str], only: Mapping[str, str]) -> Plan:
    """Draw a run.

    Args:
        seed: the soak's.
        number: the run's.
        columns: the engines that there are, by the matrix's names.
        only: what is not drawn but said, by its attribute's name.
    """
    dice = random.Random(f"{seed}:{number}")
    drawn = Plan(
        number,
        column=dice.choice(columns),
        target=dice.choice(("steady", "steady", "steady", "throws", "go")),
        name=dice.choice(_NAMES) if dice.random() < 0.2 else "steady",
        mode=dice.choice(_MODES),
        calls=dice.choice((0, 1, 7, 100, 240, 240, 1000, 20_000)),
        pause=0,
        status=dice.choice((0, 0, 3, 7)),
        program=dice.choice(tuple(PROGRAMS)),
        fault=dice.choice([name for name, fault in FAULTS.items() for _ in range(fault.weight)]),
        moment=dice.choice(("start", "tracing", "tracing")),
        delay=dice.random(),
        dice=dice.randrange(1 << 30),
    )
    said = {name: type(getattr(drawn, name))(value) for name, value in only.items()}
    return _possible(attrs.evolve(drawn, **said), dice.choice((0.0, 0.7, 0.7, 1.4)))


def _possible(drawn: Plan, lifetime: float) -> Plan:
    """A run that can be: some targets have one mode only, and gdb takes a quarter of a millisecond for a call.

    Args:
        drawn: what was drawn.
        lifetime: how many seconds the target rests, if it makes so many calls that it does.
    """
    fault = FAULTS[drawn.fault]
    if drawn.backend in fault.refused:
        drawn = attrs.evolve(drawn, fault="none")
    if fault.attached:
        drawn = attrs.evolve(drawn, target="steady", mode="serve")
    mode = drawn.mode if drawn.target == "steady" else "run"
    calls = min(drawn.calls, 240) if drawn.backend == "gdb" else drawn.calls
    rests = calls // 8
    return attrs.evolve(drawn, mode=mode, calls=calls, pause=int(lifetime * 1e6 / rests) if rests else 0)
