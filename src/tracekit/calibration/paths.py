"""From names in expressions to the registers and memory that hold them at a function's entry or return."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import attrs

from tracekit.calibration.values import Computed, Passed, Reader, Value, converted
from tracekit.calibration.walk import Walker, with_floats
from tracekit.core.arch import Architecture
from tracekit.core.calibration import Calibration
from tracekit.core.expr import (
    Binary,
    Builtin,
    BuiltinName,
    Cap,
    Cast,
    Conditional,
    Deref,
    Expr,
    Index,
    Int,
    Len,
    Member,
    Name,
    Str,
    children,
)
from tracekit.core.result import Resolution
from tracekit.core.signature import Language
from tracekit.core.source import Array, Base, Encoding, Enumeration, Record
from tracekit.core.types import UINT64
from tracekit.core.verdict import Verdict, worst
from tracekit.errors import UnresolvedError
from tracekit.syntax import print_expression

_PATHS: Final = (Name, Member, Index, Deref, Len, Cap)


class Resolver:
    """Resolves the names of clauses at one function.

    Attributes:
        resolutions: what the names were taken for, so far, by the name.
    """

    def __init__(
        self,
        calibration: Calibration,
        arch: Architecture,
        *,
        at_return: bool = False,
        return_shift: int = 0,
        require: Verdict = Verdict.GOOD,
    ) -> None:
        """Prepare to resolve names.

        Args:
            calibration: what is known of the function.
            arch: its processor.
            at_return: whether the probe is at its return, where results are known and arguments are not.
            return_shift: bytes by which the stack pointer is above its place at the return instruction.
            require: how well a place has to be known.
        """
        self.resolutions: dict[str, Resolution] = {}
        self._calibration, self._arch, self._at_return = calibration, arch, at_return
        self._shift, self._require = return_shift, require
        self._types = with_floats(calibration.types)

    def located(self, node: Expr) -> Expr:
        """An expression with every name in it replaced by where its value is.

        Raises:
            UnresolvedError: if a name means nothing, or its place is not known well enough.
        """
        match node:
            case Str(pointer, length, size) if _is_path(pointer):
                return self._string(pointer, length, size)
            case Builtin(BuiltinName.RETVAL) if self._at_return and returns_float(self._calibration):
                return self._resolved(node, lambda walker, value, what: walker.reader.read(value, what))
            case Cast(type_, operand) if _is_path(operand):
                return converted(type_, self._resolved(operand, _low_word))
            case _ if _is_path(node):
                return self._resolved(node, lambda walker, value, what: walker.reader.read(value, what))
            case _:
                return _rebuilt(node, self.located)

    def labels(self, node: Expr) -> Mapping[int, str]:
        """What the source calls an expression's values, if it is the name of an enumeration."""
        if not _is_path(node):
            return {}
        walker = self._walker()
        value = walker.plain(walker.value(node))
        if isinstance(value, Computed):
            return {}
        resolved = self._types.resolved(value.type)
        return resolved.names if isinstance(resolved, Enumeration) else {}

    def _walker(self) -> Walker:
        c_arguments = not self._at_return and self._calibration.language is not Language.GO
        reader = Reader(self._arch, self._types, c_arguments=c_arguments, stack=self._shift)
        return Walker(self._calibration, reader, at_return=self._at_return, number=self.located)

    def _resolved(self, node: Expr, read: Callable[[Walker, Value, str], Expr]) -> Expr:
        """The expression that ``read`` makes of a path's value; what the path was taken for is noted."""
        walker, text = self._walker(), print_expression(node)
        value = walker.plain(walker.value(node))
        found = read(walker, value, text)
        self._judge(text, value, walker.reader)
        return found

    def _judge(self, text: str, value: Value, reader: Reader) -> None:
        if not reader.verdicts:
            return  # an enumerator, or the length of an array: nothing was read
        verdict = worst(reader.verdicts)
        if not verdict.at_least(self._require):
            raise UnresolvedError(
                f"the place of {text} in {self._calibration.name} is only known as {verdict.value}, and "
                f"{self._require.value} is required ({'; '.join(reader.evidence)})",
                "Calibrate it on a run: tracekit calibrate BINARY FUNCTION -- COMMAND.",
            )
        behind = "" if isinstance(value, Passed) else "memory behind "
        self.resolutions[text] = Resolution(
            name=text,
            function=self._calibration.symbol,
            type="integer" if isinstance(value, Computed) else self._types.spelled(value.type),
            location=behind + " and ".join(reader.places),
            verdict=verdict,
            evidence=tuple(reader.evidence),
        )

    def _string(self, path: Expr, length: int | None, size: Expr | None) -> Expr:
        """``str()`` of a name: a C string, an array of characters, or a string with a length of its own."""
        own_size = None if size is None else self.located(size)

        def read(walker: Walker, value: Value, what: str) -> Expr:
            value = walker.container(value, what)
            if isinstance(value, Computed):
                return Str(value.expression, length, own_size)
            match self._types.resolved(value.type):
                case Record() if own_size is None:
                    return _counted(walker, value, length, what)
                case Array(_, count):
                    address = walker.reader.address(value)
                    if address is None:
                        raise UnresolvedError(f"{what} is in registers, where no string is read")
                    most = length if count is None else min(length or count + 1, count + 1)
                    return Str(address, None if own_size else most, own_size)
                case _:
                    return Str(walker.reader.read(value, what), length, own_size)

        return self._resolved(path, read)


def returns_float(calibration: Calibration) -> bool:
    """Whether a function's result is a float, which isn't where integers are returned."""
    types = [calibration.types.resolved(result.type) for result in calibration.results]
    return len(types) == 1 and isinstance(types[0], Base) and types[0].encoding is Encoding.FLOAT


def check_paths(node: Expr) -> None:
    """Refuse an expression whose members, elements or lengths are of what has no type in the source.

    Raises:
        UnresolvedError: if it is so.
    """
    if isinstance(node, Member | Index | Deref | Len | Cap) and not _is_path(node):
        raise UnresolvedError(
            f"{print_expression(children(node)[0])} is a number without a type of the source",
            "Members, elements and lengths are of arguments by their names, such as value.len and buf[3].",
        )


def _is_path(node: Expr) -> bool:
    """Whether an expression is a name, or a way that starts at one."""
    while isinstance(node, Member | Index | Deref | Len | Cap):
        node = children(node)[0]
        if node == Builtin(BuiltinName.RETVAL):
            return True
    return isinstance(node, Name)


def _rebuilt(node: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """An expression with its parts changed."""
    parts = {
        field.name: change(value)
        for field in attrs.fields(type(node))
        if isinstance(value := getattr(node, field.name), Expr)
    }
    return attrs.evolve(node, **parts) if parts else node  # type: ignore[arg-type]  # fields of this class


def _low_word(walker: Walker, value: Value, what: str) -> Expr:
    """What a cast converts: of an integer of 128 bits the low half."""
    word = walker.reader.low_word(value, what)
    return walker.reader.read(value, what) if word is None else word


def _counted(walker: Walker, value: Value, length: int | None, what: str) -> Expr:
    data, element = walker.data(value, what)
    if (size := walker.reader.types.size(element)) != 1:
        raise UnresolvedError(f"{what} has elements of {size} bytes: it is no string")
    count = converted(UINT64, walker.reader.read(walker.length(value, what), what))
    if length is None:
        return Str(data, None, count)
    most = Int(length - 1)
    return Str(data, None, Conditional(Binary("<", count, most), count, most))
