"""Text of the model stands for bytes, or is refused."""

from __future__ import annotations

import pytest

import tracekit as tk
from tracekit.core.expr import String


@pytest.mark.parametrize("text", ["a\ud800b", "\udfff"])
def test_lone_surrogates_are_refused_everywhere(text: str) -> None:
    """No engine could be given such a name, string or argument."""
    with pytest.raises(tk.UsageError, match="lone surrogate"):
        tk.uprobe(text, "f")
    with pytest.raises(tk.UsageError, match="lone surrogate"):
        tk.uprobe("./a", text)
    with pytest.raises(tk.UsageError, match="lone surrogate"):
        String(text)
    with pytest.raises(tk.UsageError, match="lone surrogate"):
        tk.Command(["./a", text])


def test_bytes_that_are_not_utf8_are_accepted() -> None:
    """They stand as Python's surrogateescape has them."""
    raw = b"\xff/bin".decode("utf-8", "surrogateescape")
    assert tk.uprobe(raw, "f").binary == raw
