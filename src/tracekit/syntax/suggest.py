"""Suggestions: the question that follows a misspelled word."""

from __future__ import annotations

from collections.abc import Iterable


def suggestion(word: str, known: Iterable[str]) -> str:
    """``Did you mean …?`` with the known word that comes nearest; the empty string if none does."""
    from tracekit.core.near import near  # only an error needs it

    found = near(word, known, 1)
    return f"Did you mean {found[0]}?" if found else ""
