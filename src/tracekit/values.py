"""Classes of values: what ``attrs.frozen`` and ``attrs.define`` make, when it is first needed.

For each class, attrs writes the text of its methods and compiles it, which takes 0.3 ms; a run's modules have
150 of them, and use half. So a class is finished with its first value, or when attrs asks for its fields.
What frozen classes share (equality, hash, text) is here once for all. There are no slots: a class that is
finished late can't get them any more.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache, partial
from operator import attrgetter
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from attrs import define as define  # what type checkers are to see
    from attrs import frozen as frozen
else:

    def define(cls: type | None = None, /, **options: bool) -> Any:
        """As ``attrs.define``, without slots."""
        return partial(define, **options) if cls is None else _later(cls, partial(attrs.define, **options))

    def frozen(cls: type | None = None, /, *, eq: bool = True, order: bool = False) -> Any:
        """As ``attrs.frozen``, without slots, and of its options the two that are used.

        Values are equal if they are of the same class, and so are their fields. What a class defines itself
        stays as it is.
        """
        if cls is None:
            return partial(frozen, eq=eq, order=order)
        own = vars(cls)
        if eq and "__eq__" not in own:
            cls.__eq__ = _eq
            if "__hash__" not in own:
                cls.__hash__ = _hash
        if "__repr__" not in own:
            cls.__repr__ = _repr
        return _later(cls, partial(attrs.frozen, eq=False, order=order, repr=False))


class _Later:
    """In the place of what a finished class has under this name; who reads it finishes the class."""

    def __init__(self, cls: type, name: str, finish: Callable[[], None]) -> None:
        self.cls = cls
        self.name = name
        self.finish = finish

    def __get__(self, value: object, owner: type) -> Any:
        with _FINISHING:
            if vars(self.cls).get(self.name) is self:
                self.finish()
        return getattr(owner if value is None else value, self.name)


# One lock for all: to finish a class finishes its bases, and what one thread began, another must not use. No
# process is forked in between, whose class would stay half finished for ever.
_FINISHING: Final = RLock()
os.register_at_fork(
    before=_FINISHING.acquire,
    after_in_parent=_FINISHING.release,
    after_in_child=_FINISHING.release,
)


def _later(cls: Any, decorate: Callable[..., type]) -> Any:
    """The class, to be decorated in its place when it is used."""

    def finish() -> None:
        fields = attrs.fields(decorate(cls, slots=False, init=True, match_args=False))
        cls.__match_args__ = tuple(field.name for field in fields if field.init and not field.kw_only)  # type: ignore[misc]

    for name in ("__init__", "__attrs_attrs__", "__match_args__"):
        setattr(cls, name, _Later(cls, name, finish))
    return cls


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
