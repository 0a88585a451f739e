"""The model as plain JSON values and back, without loss.

A class is an object with a key for each of its fields; where a field can hold one of several classes, the
object has a ``type`` too: the class's name in lower-kebab form. Enumerations stand by their values, integer
types by their names, moments in ISO 8601. A string is a JSON string; one whose bytes are not UTF-8 is
``{"bytes": "<hexadecimal>"}``. Reading is strict: every field must be there, of its own type, and no other.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from datetime import datetime
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args, get_origin

import attrs

from tracekit.codec import documents, scalars, sources
from tracekit.core.aggregation import Aggregation
from tracekit.core.buckets import Scheme
from tracekit.core.calibration import Calibration
from tracekit.core.expr import Expr
from tracekit.core.location import Location
from tracekit.core.probe import Probe
from tracekit.core.program import Program
from tracekit.core.result import Key
from tracekit.core.source import SourceType
from tracekit.core.types import IntType
from tracekit.errors import TracekitError, UsageError

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")

_TAGS: Final[dict[type, str]] = {
    cls: re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()
    for union in (Expr, Probe, Aggregation, Scheme, SourceType, Location)
    for cls in get_args(union)
}
"""The classes that share a place with others, and the tags that tell them apart."""

_CLASSES: Final = {tag: cls for cls, tag in _TAGS.items()}


def program_to_dict(program: Program) -> dict[str, Any]:
    """A program as JSON values.

    Raises:
        UsageError: if it has text that is neither Unicode nor bytes, or is nested too deeply.
    """
    document: dict[str, Any] = to_json(program)
    return document


def program_from_dict(document: object) -> Program:
    """The program that ``program_to_dict`` gave these JSON values for.

    Raises:
        UsageError: if they are no program; the message has the path to the first place that is wrong.
    """
    return from_json(document, Program, "program")


def to_json(value: object) -> Any:
    """Any value of the model as JSON values.

    Raises:
        UsageError: if it has text that is neither Unicode nor bytes, a moment without a time zone, or is
            nested too deeply.
    """
    try:
        return _converter().unstructure(value)
    except RecursionError:
        raise UsageError("the program is nested too deeply to be written") from None


def from_json(document: object, cls: type[T], what: str) -> T:
    """The value of the model that ``to_json`` gave these JSON values for.

    Args:
        document: the JSON values.
        cls: the value's class.
        what: what the document is, for messages.

    Raises:
        UsageError: if it is none; the message has the path to the first place that is wrong.
    """
    from cattrs import BaseValidationError

    try:
        try:
            return _converter().structure(document, cls)
        except (BaseValidationError, ValueError, TracekitError) as error:
            raise UsageError(f"the {what} is not valid at {_explain(error)}") from error
    except RecursionError:
        raise UsageError(f"the {what} is nested too deeply to be read") from None


def prepare() -> None:
    """Do what would be done when something is first read, which takes 50 ms."""
    _converter().get_structure_hook(Calibration)


def _explain(error: Exception) -> str:
    """Where the first error of many is, and what."""
    from cattrs import transform_error

    first, *more = transform_error(error, format_exception=_sentence)
    reason, _, path = first.rpartition(" @ ")
    return f"{path}: {reason}" + (f" (and {len(more)} more)" if more else "")


def _sentence(error: BaseException, _type: object) -> str:
    from cattrs import ForbiddenExtraKeysError

    if isinstance(error, RecursionError):
        raise error
    if isinstance(error, ForbiddenExtraKeysError):
        return f"there is no place for {', '.join(sorted(map(repr, error.extra_fields)))}"
    return error.message if isinstance(error, TracekitError) else str(error)


@functools.cache
def _converter() -> Converter:
    from cattrs import Converter

    converter = Converter(forbid_extra_keys=True, unstruct_collection_overrides={tuple: list})
    converter.register_structure_hook(int, scalars.integer)
    converter.register_structure_hook(bool, scalars.boolean)
    converter.register_structure_hook(str, scalars.text)
    converter.register_unstructure_hook(str, scalars.text_to_json)
    converter.register_structure_hook(datetime, scalars.moment)
    converter.register_unstructure_hook(datetime, scalars.moment_to_json)
    converter.register_structure_hook_func(lambda cls: cls == Key, scalars.key)
    converter.register_structure_hook_func(scalars.is_choice, scalars.choice)
    converter.register_structure_hook_func(_is_tagged_union, functools.partial(_read_member, converter))
    converter.register_structure_hook_factory(_is_tuple, _tuple_reader)
    converter.register_structure_hook_factory(attrs.has, _class_reader)
    converter.register_unstructure_hook_factory(attrs.has, _class_writer)
    converter.register_structure_hook(IntType, scalars.int_type)
    converter.register_unstructure_hook(IntType, lambda value: value.name)
    documents.register(converter)
    sources.register(converter)
    return converter


def _is_tuple(cls: object) -> bool:
    return get_origin(cls) is tuple


def _is_tagged_union(cls: Any) -> bool:
    members = get_args(cls) if scalars.is_union(cls) else ()
    return any(member in _TAGS for member in members)


def _read_member(converter: Converter, value: object, union: Any) -> Any:
    members = get_args(union)
    if value is None and NoneType in members:
        return None
    if not isinstance(value, dict):
        raise scalars.wrong("an object", value)
    tag = value.get("type")
    cls = _CLASSES.get(tag) if isinstance(tag, str) else None
    if cls is None or cls not in members:
        tags = " ".join(_TAGS[member] for member in members if member in _TAGS)
        raise scalars.wrong(f"a type of {tags}", tag)
    return converter.structure({key: inner for key, inner in value.items() if key != "type"}, cls)


def _tuple_reader(cls: Any, converter: Converter) -> Callable[[object, object], tuple[Any, ...]]:
    item, _ = get_args(cls)
    as_list = list[item]  # type: ignore[valid-type]
    read = converter.get_structure_hook(as_list)

    def hook(value: object, _: object) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise scalars.wrong("an array", value)
        return tuple(read(value, as_list))

    return hook


def _class_reader(cls: type[Any], converter: Converter) -> Callable[[object, object], Any]:
    from cattrs.gen import make_dict_structure_fn

    renamed = _renamed(cls)
    read = make_dict_structure_fn(cls, converter, **renamed)
    keys = {renamed[a.name].rename if a.name in renamed else a.name for a in attrs.fields(cls)}

    def hook(value: object, _: object) -> Any:
        if not isinstance(value, dict):
            raise scalars.wrong("an object", value)
        if missing := sorted(map(str, keys - value.keys())):
            raise ValueError(f"{', '.join(missing)} is missing")
        return read(value, cls)

    return hook


def _class_writer(cls: type[Any], converter: Converter) -> Callable[[Any], dict[str, Any]]:
    from cattrs.gen import make_dict_unstructure_fn

    write = make_dict_unstructure_fn(cls, converter, **_renamed(cls))
    if cls not in _TAGS:
        return write
    return lambda value: {"type": _TAGS[cls], **write(value)}


def _renamed(cls: type[Any]) -> dict[str, Any]:
    """A field called ``type`` of a class with a tag is ``as`` in JSON, where the tag has that name."""
    from cattrs.gen import override

    names = {a.name for a in attrs.fields(cls)}
    return {"type": override(rename="as")} if cls in _TAGS and "type" in names else {}
