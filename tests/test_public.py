"""The names that packages give, of modules that are imported when they are used."""

from __future__ import annotations

import pkgutil
from types import ModuleType

import pytest

import tracekit
from tracekit import process, syntax

PACKAGES = pytest.mark.parametrize("package", [tracekit, process, syntax], ids=lambda package: package.__name__)


@PACKAGES
def test_no_module_hides_a_name(package: ModuleType) -> None:
    """A module that is imported becomes an attribute, which would replace a function of the same name."""
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    assert not modules & set(package.__all__)


@PACKAGES
def test_every_name_is_there(package: ModuleType) -> None:
    """Each leads to what it stands for."""
    assert all(getattr(package, name) is not None for name in package.__all__)


@PACKAGES
def test_other_names_are_not(package: ModuleType) -> None:
    """What isn't there is said as Python says it."""
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'nonsense'"):
        _ = package.nonsense
