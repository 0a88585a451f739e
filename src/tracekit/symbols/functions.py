"""From a function's name in a probe to the functions of a binary, or to the reason why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracekit.core.probe import FunctionName
from tracekit.symbols.function import Function
from tracekit.symbols.image import Image
from tracekit.symbols.lookup import at, named
from tracekit.symbols.spelling import is_go_instance

if TYPE_CHECKING:
    from tracekit.symbols.sources import DeclaredIn


def find(image: Image, name: FunctionName, declared_in: DeclaredIn | None = None) -> tuple[Function, ...]:
    """The functions that a name stands for.

    A name is, in this order:

    - an address (``0x1139``);
    - a symbol's name; so a pattern that is itself one means that symbol, since Go's names have stars:
      ``main.(*T).M``;
    - the name that the source has: ``Cache::insert``, ``Cache::insert(int)``, ``<T as Trait>::f``,
      ``main.Map``. Outer scopes, template arguments, parameters and anonymous namespaces may be left out; a
      function whose scopes are all given comes before one whose aren't;
    - a pattern with ``*`` for symbols or source names.

    Before the name there may be a source file: ``net/a.c:parse``.

    Args:
        image: the binary.
        name: the name as a probe has it.
        declared_in: asks debug information in which source file the function at an address stands. Without
            it, only files of functions that other files can't name are known.

    Returns:
        At least one function, no two at one address, sorted by address.

    Raises:
        FunctionNotFoundError: if there is none; it says why, as far as the binary tells.
        AmbiguousFunctionError: if the name fits several functions equally well.
        BinaryError: if the symbol table is corrupt.
        UsageError: if a name says too little to look for it.
    """
    if name.address is not None and image.is_code(name.address):
        return (at(image, name.address) or Function(name.text, name.address, size=0),)
    found = () if image.is_go and is_go_instance(name.text) else named(image, name.text)
    if len(found) == 1:
        return found
    from tracekit.symbols import search  # as long to load as all else here, and seldom needed

    return search.search(image, name, declared_in)
