"""Answers as JSON, and back with each value's type checked: who answered may have been taken over by a binary.

What an answer may have is what a function's return annotation says: whole numbers, text, truths, tuples, attrs
classes of these, and calibrations, for which the codec is.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs

from tracekit.errors import BinaryError, TracekitError


def encode(value: object) -> Any:
    """An answer as JSON values."""
    if _is_calibration(type(value)):
        from tracekit.codec.model import to_json

        return to_json(value)
    if isinstance(value, tuple | list):
        return [encode(one) for one in value]
    if (names := _names(type(value))) is not None:
        return [encode(getattr(value, name)) for name in names]
    return value


def decode(kind: Any, value: Any) -> Any:
    """The answer of a type that ``encode`` gave JSON values for.

    Raises:
        ValueError: if it is none.
    """
    if _is_calibration(kind):
        from tracekit.codec.model import from_json

        return from_json(value, kind, "calibration")
    if get_origin(kind) in (Union, UnionType):
        (inner,) = (one for one in get_args(kind) if one is not NoneType)
        return None if value is None else decode(inner, value)
    if get_origin(kind) is tuple:
        return tuple(decode(get_args(kind)[0], one) for one in _checked(value, list))
    if (names := _names(kind)) is not None:
        hints = _hints(kind)
        values = zip(names, _checked(value, list), strict=True)
        return kind(**{name: decode(hints[name], one) for name, one in values})
    return _checked(value, kind)


def preparation(kind: Any) -> Callable[[], object] | None:
    """What can be done before there is an answer: the codec takes as long to load as a function to be read."""
    if not _is_calibration(kind):
        return None
    from tracekit.codec.model import prepare

    return prepare


def kind_of(function: Callable[..., object]) -> Any:
    """The type of a function's answers, as its annotation has it."""
    return _returned(function)


def encode_error(error: TracekitError) -> Any:
    """An error of ours as JSON values: its class's name, and what it is made of."""
    fields = {f.name: encode(getattr(error, f.name)) for f in attrs.fields(type(error)) if f.init}
    return [type(error).__name__, fields]


def decode_error(value: Any) -> TracekitError:
    """The error that ``encode_error`` gave JSON values for.

    Raises:
        ValueError: if it is none.
    """
    name, fields = _checked(value, list)
    cls = next((one for one in _errors(TracekitError) if one.__name__ == name), BinaryError)
    hints = get_type_hints(cls)
    wanted = {f.name for f in attrs.fields(cls) if f.init}
    return cls(**{key: decode(hints[key], one) for key, one in fields.items() if key in wanted})


def _names(cls: Any) -> tuple[str, ...] | None:
    """The fields of a class of values, without having attrs compile it for them (see ``values``)."""
    names: tuple[str, ...] | None = getattr(cls, "__match_args__", None)
    return names


def _is_calibration(kind: Any) -> bool:
    # Loaded by who asks for one; most runs need none.
    loaded = sys.modules.get("tracekit.core.calibration")
    return loaded is not None and kind is loaded.Calibration


def _checked(value: Any, kind: type) -> Any:
    if type(value) is not (NoneType if kind is None else kind):
        raise ValueError(f"{kind} is wanted, and here is {type(value)}")
    return value


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


@functools.cache
def _returned(function: Callable[..., object]) -> Any:
    annotation = function.__annotations__["return"]
    if isinstance(annotation, str):
        annotation = eval(annotation, vars(sys.modules[function.__module__]))  # noqa: S307, our own words
    return annotation


def _errors(cls: type[TracekitError]) -> list[type[TracekitError]]:
    return [cls, *(found for sub in cls.__subclasses__() for found in _errors(sub))]
