"""Ways to damage a JSON document."""

from __future__ import annotations

import copy
import math
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]

JUNK = st.sampled_from(
    [
        *(None, True, False, 0, -1, 1, 7, 1 << 70, 0.5, math.inf),
        *("", "x", "count", [], [0], [None], {}, {"type": "int"}),
    ]
)
"""Values that may or may not fit where they are put."""


def change(document: Any, path: Path, value: object) -> None:
    """Put a value where a path leads."""
    for step in path[:-1]:
        document = document[step]
    document[path[-1]] = copy.deepcopy(value)


def paths(value: object, path: Path = ()) -> list[Path]:
    """The paths to everything inside JSON values."""
    inner: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [p for step, child in inner for p in ((*path, step), *paths(child, (*path, step)))]
