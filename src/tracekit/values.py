"""Classes of values: ``attrs.frozen`` and ``attrs.define``, but for what these cost a program's start.

For each class, attrs writes the text of its methods and compiles it, in 0.3 ms; a run's modules have 150 of
them. Here attrs gets a class when its fields are asked for, or a value is to be made. Plain classes, which have
no more than names, types and defaults, make their first values themselves. What all classes share (equality,
hash, text) is here once. There are no slots: a class that is finished late can't get them any more.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache, partial
from inspect import get_annotations
from operator import attrgetter
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, NoReturn

import attrs

if TYPE_CHECKING:
    from attrs import define as define  # what type checkers are to see
    from attrs import frozen as frozen
else:

    def define(cls: type | None = None, /, **options: bool) -> Any:
        """As ``attrs.define``, without slots.

        Values are equal if they are of the same class, and so are their fields. What a class defines itself
        stays as it is.
        """
        return partial(define, **options) if cls is None else _later(cls, attrs.define, **options)

    def frozen(cls: type | None = None, /, **options: bool) -> Any:
        """As ``attrs.frozen``; see ``define``."""
        return partial(frozen, **options) if cls is None else _later(cls, attrs.frozen, **options)


_FEW: Final = 100
"""To make so many values here takes less than to have attrs compile what makes them."""

_MANDATORY: Final = object()
_FIELD: Final = type(attrs.field())

_PLAIN: Final[dict[type, Mapping[str, object]]] = {}
"""The fields of plain classes, each with its default."""

_ASKED: Final = ("__attrs_attrs__", "__init__", "__match_args__")

# One lock for all: to finish a class finishes its bases, and what one thread began, another must not use. No
# process is forked in between, whose class would stay half finished for ever.
_FINISHING: Final = RLock()
os.register_at_fork(
    before=_FINISHING.acquire,
    after_in_parent=_FINISHING.release,
    after_in_child=_FINISHING.release,
)


class _Later:
    """In the place of what attrs gives a class: who reads it has the class finished."""

    def __init__(self, name: str, finish: Callable[[], None]) -> None:
        self.name = name
        self.finish = finish

    def __get__(self, value: object, owner: type) -> Any:
        self.finish()
        return getattr(owner if value is None else value, self.name)


def _later(
    cls: Any, make: Callable[..., type], *, eq: bool = True, order: bool = False, **options: bool
) -> Any:
    """The class, which attrs gets when it is used."""
    shared: dict[str, Any] = {"__repr__": _repr}
    if eq:
        shared |= {"__eq__": _eq, "__hash__": _hash if make is attrs.frozen else None}
    for name, method in shared.items():
        if name not in vars(cls):
            setattr(cls, name, method)
    decorated = partial(
        make, cls, slots=False, init=True, match_args=False, eq=False, order=order, repr=False, **options
    )

    def finish() -> None:
        with _FINISHING:
            if not isinstance(vars(cls)["__attrs_attrs__"], _Later):
                return
            before = dict(vars(cls))
            try:
                for name in hidden:
                    delattr(cls, name)
                fields = attrs.fields(decorated())
                cls.__match_args__ = tuple(f.name for f in fields if f.init and not f.kw_only)  # type: ignore[misc]  # mypy thinks it fixed
            except BaseException:  # a Ctrl-C, or no memory: the next use finds it as it was
                _restore(cls, before)
                raise

    until: dict[str, Any] = {name: _Later(name, finish) for name in _ASKED}
    hidden: list[str] = []
    """Of these, what attrs would take for the class's own."""
    if not (order or options) and (fields := _plain_fields(cls)) is not None:
        _PLAIN[cls] = fields
        until |= {"__init__": _first_init(fields, until["__init__"]), "__match_args__": tuple(fields)}
        until["__signature__"] = _Later("__signature__", finish)
        hidden = ["__signature__"]
        if make is attrs.frozen:
            until |= {"__setattr__": _refuse, "__delattr__": _refuse}
            hidden += ["__setattr__", "__delattr__"]
    for name, stands in until.items():
        setattr(cls, name, stands)
    return cls


def _restore(cls: type, before: Mapping[str, object]) -> None:
    for name in [name for name in vars(cls) if name not in before]:
        delattr(cls, name)
    for name, value in before.items():
        if vars(cls).get(name, _MANDATORY) is not value:
            setattr(cls, name, value)


def _plain_fields(cls: type) -> Mapping[str, object] | None:
    """A plain class's fields, those of its base first; None of any other class."""
    if hasattr(cls, "__attrs_pre_init__") or hasattr(cls, "__attrs_post_init__"):
        return None
    fields: dict[str, object] = {}
    if bases := [base for base in cls.__mro__[1:-1] if get_annotations(base)]:
        if bases[0] not in _PLAIN or not all(issubclass(bases[0], base) for base in bases):
            return None
        fields.update(_PLAIN[bases[0]])
    for name, kind in get_annotations(cls).items():
        if str(kind).startswith(("ClassVar", "typing.ClassVar")):
            continue
        default = vars(cls).get(name, _MANDATORY)
        if isinstance(default, _FIELD) or name in fields:
            return None
        fields[name] = default
    return fields


def _first_init(fields: Mapping[str, object], compiled: _Later) -> Callable[..., None]:
    """What makes the first values of a plain class; the others, and what is wrong, are left to attrs."""
    names = {name.lstrip("_"): name for name in fields}
    defaults = {name: default for name, default in fields.items() if default is not _MANDATORY}
    left = _FEW

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807, it becomes the class's
        nonlocal left
        left -= 1
        given = dict(zip(fields, args, strict=False))
        given.update((names.get(name, ""), value) for name, value in kwargs.items())
        values = {**defaults, **given}
        if left > 0 and len(given) == len(args) + len(kwargs) and values.keys() == fields.keys():
            vars(self).update(values)
        else:
            compiled.__get__(self, type(self))(*args, **kwargs)

    return __init__


def _refuse(*_: object) -> NoReturn:
    raise attrs.exceptions.FrozenInstanceError


def _eq(self: Any, other: object) -> Any:
    cls: Any = type(self)
    compared = _compared(cls)
    return compared(self) == compared(other) if type(other) is cls else NotImplemented


def _hash(self: Any) -> int:
    cls: Any = type(self)
    return hash(_compared(cls)(self))


def _repr(self: Any) -> str:
    cls: Any = type(self)
    names = _PLAIN[cls] if cls in _PLAIN else [field.name for field in attrs.fields(cls) if field.repr]
    return f"{cls.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"


@cache
def _compared(cls: type) -> Callable[[Any], object]:
    """What gives a value's fields that count, in their order."""
    names = list(_PLAIN[cls]) if cls in _PLAIN else [field.name for field in attrs.fields(cls) if field.eq]
    return attrgetter(*names) if names else lambda _: ()
