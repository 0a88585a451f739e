"""Immutable classes of plain values, which cost a program's start less than ``attrs.frozen`` does.

For each class, attrs writes the text of its methods and compiles it, which takes 0.5 ms; a run has 150 of
them. Three of the methods are here once for all, and only ``__init__`` is compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from attrs import frozen as frozen  # what type checkers are to see
else:

    def frozen(cls: type | None = None, /, *, eq: bool = True, order: bool = False) -> Any:
        """As ``attrs.frozen``, of which it has ``eq``; there is no order, and type checkers want to be told.

        Values are equal if they are of the same class, and so are their fields. What a class defines itself
        stays as it is.
        """

        def decorated(cls: type) -> type:
            own = vars(cls)
            if eq and "__eq__" not in own:
                cls.__eq__ = _eq
                if "__hash__" not in own:
                    cls.__hash__ = _hash
            if "__repr__" not in own:
                cls.__repr__ = _repr
            return attrs.frozen(cls, eq=False, order=order, repr=False)

        return decorated if cls is None else decorated(cls)


def _eq(self: Any, other: object) -> Any:
    cls: Any = type(self)
    compared = _compared(cls)
    return compared(self) == compared(other) if type(other) is cls else NotImplemented


def _hash(self: Any) -> int:
    cls: Any = type(self)
    return hash(_compared(cls)(self))


def _repr(self: Any) -> str:
    fields = [f"{f.name}={getattr(self, f.name)!r}" for f in attrs.fields(type(self)) if f.repr]
    return f"{type(self).__qualname__}({', '.join(fields)})"


@cache
def _compared(cls: type) -> Callable[[Any], object]:
    """What gives a value's fields that count, in their order."""
    names = [field.name for field in attrs.fields(cls) if field.eq]
    return attrgetter(*names) if names else lambda _: ()
