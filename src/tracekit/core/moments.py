"""Exact sums from the 64 bits that an engine has for them."""

from __future__ import annotations

from typing import Final

WORD: Final = 1 << 64


def exact_sum(residue: int, least: int, most: int) -> int | None:
    """Recover a sum that an engine added up modulo 2 to the 64.

    Args:
        residue: what the engine shows, in any representation modulo 2 to the 64.
        least: a bound that the true sum can't be below, such as ``count * min``.
        most: a bound that the true sum can't be above, such as ``count * max``.

    Returns:
        The true sum; None if several fit between the bounds.

    Raises:
        ValueError: if none fits, so that the figures contradict each other.
    """
    found = least + (residue - least) % WORD
    if found > most:
        raise ValueError(f"no sum between {least} and {most} is {residue} modulo 2**64")
    return found if found + WORD > most else None
