"""What dtrace says besides its aggregations: notices, drops, errors. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import attrs

from tracekit.backends.dtrace.saved_model import refused
from tracekit.core.result import Loss, LossKind
from tracekit.values import define

_MESSAGE: Final = re.compile(r"dtrace: (?P<text>.*)")
_HARMLESS: Final = re.compile(
    r"(?:description|script) '.*' matched \d+ probes?|pid \d+ has exited|allowing destructive actions"
    r"|could not set thread .*|system integrity protection is on, some features will not be available"
)
_NOTED: Final = re.compile(
    r"pid \d+ (?:terminated by|exited with status|exec'd) .*|\w+ \w+ (?:lowered|raised|changed) to .*"
)
_DROPS: Final = re.compile(r"(?:\[\w+\] )?(\d{1,20}) (?:\[\w+\] )?(.*?)(drops?|speculations?|overflows?)\b.*")
_FAULT: Final = re.compile(r"error (?:in|on) .*")
_ABORTED: Final = re.compile(r"processing aborted: .*")
_LEFT_ON_LINE: Final = re.compile(r"\t *(?:current|previous): .*")


@define
class Messages:
    """Collects what dtrace says.

    Attributes:
        drops: how much was dropped, by the words for what.
        faults: how many clauses were ended early, and the first one's message.
        errors: its errors.
        notes: what else a reader should know, each sentence once.
    """

    drops: dict[str, int] = attrs.field(factory=dict)
    faults: int = 0
    first_fault: str = ""
    errors: list[str] = attrs.field(factory=list)
    notes: dict[str, None] = attrs.field(factory=dict)

    def take(self, line: str) -> bool:
        """Take a line; whether it is a message of dtrace."""
        found = _MESSAGE.fullmatch(line)
        if found is None:
            return bool(self.errors) and _LEFT_ON_LINE.fullmatch(line) is not None
        text = found["text"]
        if _HARMLESS.fullmatch(text):
            pass
        elif dropped := _DROPS.fullmatch(text):
            what = f"{dropped[2]}{dropped[3].rstrip('s')}"
            self.drops[what] = self.drops.get(what, 0) + int(dropped[1])
        elif _FAULT.fullmatch(text):
            self.faults += 1
            self.first_fault = self.first_fault or text
        elif _NOTED.fullmatch(text):
            self.notes[f"dtrace said: {text}"] = None
        else:
            self.errors.append(text)
        return True

    def read_errors(self, text: str) -> None:
        """Take standard error; the target may write there too, so what isn't dtrace's is passed over."""
        for line in text.split("\n"):
            self.take(line)

    def losses(self) -> Iterator[Loss]:
        """What keeps the aggregations from being the whole truth."""
        for what, count in self.drops.items():
            yield _drop(what, count)
        if self.faults:
            yield Loss(
                LossKind.ENGINE,
                f"{self.faults} times a clause ended at an error and did no more of what it should, such as: "
                f"{self.first_fault}",
                self.faults,
            )
        for error in self.errors:
            aborted = _ABORTED.fullmatch(error) is not None
            yield Loss(
                LossKind.INCOMPLETE if aborted else LossKind.ENGINE, f"dtrace reported an error: {error}"
            )

    def fail(self, errors: str) -> None:
        """Raise what dtrace reported, since there is no result.

        Args:
            errors: its standard error.

        Raises:
            EngineError: if it reported an error.
        """
        if self.errors:
            raise refused(
                f"dtrace gave no result: {self.errors[0]}",
                "There is nothing to import; remove the cause and trace again.",
                errors[-2000:],
            )


def _drop(what: str, count: int) -> Loss:
    match what:
        case "aggregation drop":
            return Loss(
                LossKind.KEYS,
                f"the aggregations' buffer was full: {count} updates found no room",
                count,
                hint="Give dtrace more room with -x aggsize=64m, and trace again.",
            )
        case "drop":
            return Loss(
                LossKind.EVENTS,
                f"dtrace dropped {count} records of what the script printed; "
                "what is counted in aggregations doesn't go through that buffer",
                count,
                hint="Give dtrace more room with -x bufsize=64m, or print less.",
            )
        case "dynamic variable drop":
            return Loss(
                LossKind.EVENTS,
                f"{count} times there was no room for a variable, so that what depends on it is missing",
                count,
                hint="Give dtrace more room with -x dynvarsize=64m, and trace again.",
            )
        case _:
            return Loss(LossKind.ENGINE, f"dtrace reported {what}s, {count} in all", count)
