"""The names that a function's arguments and results have."""

from __future__ import annotations

from tracekit.calibration.values import Computed, Passed, Value
from tracekit.core.calibration import Argument, Calibration
from tracekit.core.expr import Int
from tracekit.core.near import near
from tracekit.core.source import Enumeration
from tracekit.errors import UnresolvedError


class Names:
    """Names at one function's entry or return."""

    def __init__(self, calibration: Calibration, *, at_return: bool) -> None:
        """Prepare to look names up.

        Args:
            calibration: what is known of the function.
            at_return: whether results are known, and not arguments.
        """
        self._calibration, self._at_return = calibration, at_return

    def has(self, name: str) -> bool:
        """Whether there is an argument, or at a return a result, of that name."""
        return any(a.name == name for a in self._known())

    def _known(self) -> tuple[Argument, ...]:
        return self._calibration.results if self._at_return else self._calibration.arguments

    def value(self, name: str) -> Value:
        """The argument of a name, or at a return the result; or the number that an enumerator stands for.

        Raises:
            UnresolvedError: if there is none, or nobody knows where it is.
        """
        found = next((a for a in self._known() if a.name == name), None)
        if found is not None:
            return self._argument(found, name)
        if (number := self._enumerator(name)) is not None:
            return Computed(Int(number))
        raise self._unknown(name)

    def _argument(self, argument: Argument, name: str) -> Value:
        if not argument.known:
            raise UnresolvedError(
                f"where {name} of {self._calibration.name} is at its entry can't be told: {argument.reason}",
                argument.remedy,
            )
        return Passed(argument, argument.type)

    def _enumerator(self, name: str) -> int | None:
        values = {
            value
            for type_ in self._calibration.types.table.values()
            if isinstance(type_, Enumeration)
            for value, label in type_.names.items()
            if name in (label, label.rpartition("::")[2])
        }
        return values.pop() if len(values) == 1 else None

    def _unknown(self, name: str) -> UnresolvedError:
        calibration = self._calibration
        names = [a.name for a in calibration.arguments if a.name]
        if self._at_return and name in names:
            return UnresolvedError(
                f"{name} is an argument of {calibration.name}, known only when it is entered",
                "Use uprobe for arguments; at the return there are retval and elapsed.",
            )
        if self._at_return:
            names = [a.name for a in calibration.results if a.name]
            has_ = f"; its results are {', '.join(names)}" if names else "; its result is retval"
        else:
            has_ = f"; it has {', '.join(names)}" if names else "; it has none"
        what = "result" if self._at_return else "argument"
        guesses = near(name, names)
        return UnresolvedError(
            f"{calibration.name} has no {what} {name!r}{has_}",
            f"Did you mean {' or '.join(guesses)}?" if guesses else "",
        )

    def result(self, n: int) -> Value:
        """The result of that index.

        Raises:
            UnresolvedError: if there is none, or nobody knows where it is.
        """
        calibration = self._calibration
        if not self._at_return:
            raise UnresolvedError("retval is known only at a return", "Use uretprobe:BINARY:FUNCTION.")
        if n >= len(calibration.results):
            count = len(calibration.results)
            raise UnresolvedError(
                f"{calibration.name} returns nothing"
                if not count
                else f"{calibration.name} returns {count} values"
            )
        return self._argument(calibration.results[n], "retval")
