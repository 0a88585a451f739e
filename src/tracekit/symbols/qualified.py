"""Names of C++ and Rust, taken apart so that one that a person writes can be compared with a symbol's.

People leave out what a demangler writes: parameters, template arguments, outer scopes, spaces, an
anonymous namespace; and they write ``const char *`` where it writes ``char const*``. Rust's two manglings
differ, too: ``<a::T>::f`` of v0 is ``a::T::f`` in the legacy one.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from tracekit.symbols.typenames import Group, Item, canonical, is_type, items, split, types
from tracekit.values import frozen

_ANONYMOUS: Final = "(anonymous namespace)"
_QUALIFIERS: Final = ("const", "volatile", "&", "&&", "noexcept")
_LONGEST: Final = 1 << 14

# Source: Itanium C++ ABI, 5.1.10 (compression), and the primitive types of Rust's v0 (RFC 2603).
_ABBREVIATED: Final = frozenset((
    "std", "allocator", "basic_string", "string", "basic_istream", "basic_ostream", "basic_iostream",
    "istream", "ostream", "iostream",
    "bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "usize",
    "i8", "i16", "i32", "i64", "i128", "isize", "f32", "f64",
))  # fmt: skip


@frozen
class Component:
    """One part of a qualified name.

    Attributes:
        name: without arguments.
        arguments: of a template or generic; None if the name has none, or whoever wrote it left them out.
        parameters: of a function; None if the name has none.
        qualifiers: what follows the parameters, sorted.
        implementation: of ``<T as Trait>`` in Rust, the paths of the type and of the trait.
    """

    name: str
    arguments: tuple[str, ...] | None = None
    parameters: tuple[str, ...] | None = None
    qualifiers: tuple[str, ...] = ()
    implementation: tuple[Path, Path] | None = None


Path = tuple[Component, ...]
"""A qualified name: its scopes, and itself last."""


@functools.lru_cache(256)
def path(text: str) -> Path | None:
    """A name as it is written in a source or shown by a demangler.

    A return type before it is left out. The result's last component has the parameters, if there are any.

    Returns:
        None if it is no such name.
    """
    if len(text) > _LONGEST or not (found := items(text)):
        return None
    start = at = int(found[0] == "::")
    while at < len(found) and (at == start or found[at - 1] != "::"):
        components, end = _path(found, at)
        if components and end == len(found):
            # What was read before is the return type, which only a list of parameters can follow.
            whole = at == start or (components[-1].parameters is not None and is_type(found[:at]))
            return _without_inline_namespaces(components) if whole else None
        at = max(end, at + 1)
    return None


def rank(wanted: Path, found: Path) -> tuple[int, int] | None:
    """How well a symbol's name is what a person may mean by another.

    Args:
        wanted: what a person wrote.
        found: what a symbol says.

    Returns:
        None if it isn't; else numbers of which the least is the best: whether ``found`` has further scopes,
        and whether it has qualifiers such as ``const`` that the other hasn't.
    """
    if all(c.name != _ANONYMOUS for c in wanted):
        found = without_anonymous(found)
    last = wanted[-1]
    if not set(last.qualifiers) <= set(found[-1].qualifiers):
        return None
    further = int(last.parameters is not None and last.qualifiers != found[-1].qualifiers)
    if _ends_in(found, wanted):
        return int(len(found) > len(wanted)), further
    return (1, further) if any(_ends_in(other, wanted) for other in _alternatives(found)) else None


def is_whole(wanted: Path, found: Path) -> bool:
    """Whether a name has all scopes and template arguments of the function that it means."""
    plain = without_anonymous(found)
    return len(wanted) in (len(plain), len(found)) and all(
        mine.arguments == its.arguments and mine.name == its.name
        for mine, its in zip(without_anonymous(wanted), plain, strict=False)
    )


def needles(wanted: Path) -> tuple[bytes, ...]:
    """Texts that every mangled symbol of a name contains; none if nothing is sure.

    Both the Itanium C++ ABI (5.1.2) and Rust (RFC 2603, and legacy) write each identifier after its length,
    at least where it first occurs, so that ``Cache::insert`` stands as ``5Cache6insert``.
    """
    found = []
    for component in wanted:
        if component.implementation:
            found += [part[-1].name for part in component.implementation]
        elif not component.name.startswith("operator"):
            found.append(component.name.removeprefix("~"))
    words = [w for w in found if re.fullmatch(r"\w+", w, re.ASCII) and w not in _ABBREVIATED]
    # Rust's legacy mangling makes one identifier of drop_in_place<T>.
    if words and words[-1] == wanted[-1].name and words[-1][0].isalpha() and words[-1] != "drop_in_place":
        words[-1] = f"{len(words[-1])}{words[-1]}"
    return tuple(w.encode() for w in words)


def words(pattern: str) -> tuple[bytes, ...]:
    """Texts that every mangled symbol contains whose source name a pattern with ``*`` matches."""
    plain = re.split(r"[(<\[{]|\boperator\b", pattern)[0]
    found = re.findall(r"\w+", plain, re.ASCII)
    return tuple(w.encode() for w in found if not any(w in short for short in _ABBREVIATED))


def spelled(found: Path, *, arguments: bool) -> str:
    """A path as one text: without parameters, and with or without the arguments of templates."""
    return "::".join(
        f"{c.name}<{', '.join(c.arguments)}>" if arguments and c.arguments else c.name for c in found
    )


def without_anonymous(found: Path) -> Path:
    """A path as the source has it, where an anonymous namespace has no name."""
    return tuple(c for c in found if c.name != _ANONYMOUS)


def _path(found: Sequence[Item], at: int) -> tuple[Path, int]:
    """The path that begins at an index, and the index after it; it is empty if none begins there."""
    components: list[Component] = []
    while at < len(found):
        part, end = _component(found, at)
        if not part:
            return (), at
        components += part
        at = end
        if found[at : at + 1] != ("::",):
            return tuple(components), at
        at += 1
        # Rust's turbofish: the arguments of f::<T> belong to f.
        group = found[at] if at < len(found) else None
        if isinstance(group, Group) and group.opening == "<" and _is_turbofish(found, at):
            components[-1] = attrs.evolve(components[-1], arguments=types(group.inside))
            at += 1
            if found[at : at + 1] != ("::",):
                return tuple(components), at
            at += 1
    return (), at


def _is_turbofish(found: Sequence[Item], at: int) -> bool:
    group = found[at]
    assert isinstance(group, Group)
    return group.inside[:1] != ("impl",) and all(word not in group.inside for word in ("as", "for"))


def _component(found: Sequence[Item], at: int) -> tuple[Path, int]:
    match found[at]:
        case Group("<", inside):
            return _implementation(inside), at + 1
        case Group("(", inside) if types(inside) == ("anonymous namespace",):
            name = _ANONYMOUS
        case Group("{") as group:
            name = str(group)
        case Group():
            return (), at
        case "operator":  # of conversion: all up to the parameters is its name
            end = next((i for i in range(at, len(found)) if _is_parameters(found[i])), len(found))
            return _decorated(f"operator {canonical(found[at + 1 : end])}", found, end)
        case str(word) if word[0].isidentifier() or word[0] in "~$#":
            name = word
        case _:
            return (), at
    return _decorated(name, found, at + 1)


def _decorated(name: str, found: Sequence[Item], at: int) -> tuple[Path, int]:
    """A component with what follows its name."""
    arguments = parameters = None
    qualifiers: list[str] = []
    while at < len(found):
        match found[at]:
            case Group("<", inside) if arguments is None and parameters is None:
                arguments = types(inside)
            case Group("[", ("abi", *_)):
                pass
            case Group("{") as shim:  # Rust's f{{vtable.shim}}
                name += str(shim)
            case Group("(", inside) if parameters is None:
                parameters = types(inside, parameters=True)
            case str(word) if parameters is not None and word in _QUALIFIERS:
                qualifiers.append(word)
            case _:
                break
        at += 1
    return (Component(name, arguments, parameters, tuple(sorted(qualifiers))),), at


def _is_parameters(item: Item) -> bool:
    return isinstance(item, Group) and item.opening == "("


def _implementation(inside: Sequence[Item]) -> Path:
    """Rust's ``<T>``, ``<T as Trait>``, ``<impl T>`` and ``<impl Trait for T>``."""
    if inside[:1] == ("impl",):
        parts = split(inside[1:], "for")
        parts.reverse()
    else:
        parts = split(inside, "as")
    paths = [_whole_path(part) for part in parts if part]
    match paths:
        case [own]:
            return own
        case [own, trait]:
            name = f"<{spelled(own, arguments=True)} as {spelled(trait, arguments=True)}>"
            return (Component(name, implementation=(own, trait)),)
        case _:
            return ()


def _whole_path(part: Sequence[Item]) -> Path:
    components, end = _path(part, 0)
    return components if components and end == len(part) else (Component(canonical(part)),)


def _alternatives(found: Path) -> Iterator[Path]:
    """What else a method of a Rust trait may be called: by its type alone, or by the trait alone."""
    for index, component in enumerate(found):
        for own in component.implementation or ():
            yield own + found[index + 1 :]


def _ends_in(found: Path, wanted: Path) -> bool:
    return len(wanted) <= len(found) and all(map(_is, found[len(found) - len(wanted) :], wanted))


def _is(found: Component, wanted: Component) -> bool:
    if found.implementation and wanted.implementation:
        return all(map(_ends_in, found.implementation, wanted.implementation))
    return (
        found.name == wanted.name
        and wanted.arguments in (None, found.arguments)
        and wanted.parameters in (None, found.parameters)
    )


def _without_inline_namespaces(found: Path) -> Path:
    """A path as users of the standard library write it: without the namespaces that tell its versions apart."""
    if found[0].name != "std":
        return found
    found = tuple(c for c in found if c.name not in ("__cxx11", "__1", "__ndk1"))
    return tuple(
        Component(c.name.removeprefix("basic_"), None, c.parameters, c.qualifiers)
        if c.name in ("basic_string", "basic_string_view") and c.arguments == ("char",)
        else c
        for c in found
    )
