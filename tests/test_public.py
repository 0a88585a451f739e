"""The names that ``import tracekit as tk`` gives."""

from __future__ import annotations

import pkgutil

import tracekit as tk


def test_no_package_hides_a_name() -> None:
    """A package that is imported becomes an attribute, which would replace a function of the same name."""
    packages = {module.name for module in pkgutil.iter_modules(tk.__path__)}
    assert not packages & set(tk.__all__)


def test_every_name_is_there() -> None:
    """Each leads to what it stands for."""
    assert all(getattr(tk, name) is not None for name in tk.__all__)
