"""Names that a package has of its modules, which are imported when a name is first used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def on_demand(package: str, modules: Mapping[str, str]) -> Callable[[str], object]:
    """What a package has as its ``__getattr__`` (PEP 562).

    Args:
        package: its name.
        modules: for each of its modules the names that are there, with blanks between; ``public=inner`` for
            one that the package calls otherwise.
    """
    where = {
        public: (f"{package}.{module}", inner or public)
        for module, words in modules.items()
        for word in words.split()
        for public, _, inner in [word.partition("=")]
    }

    def found(name: str) -> object:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, inner = where[name]
        value: object = getattr(import_module(module), inner)
        setattr(sys.modules[package], name, value)
        return value

    return found
