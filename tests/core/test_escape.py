"""What a terminal may be shown of what a target wrote."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.results_strategies import TEXT

from tracekit.core.escape import printable, quoted

ANY_TEXT = TEXT | st.text(st.characters())


@given(ANY_TEXT)
def test_nothing_reaches_a_terminal_raw(text: str) -> None:
    """No control, format, separator or surrogate character is left, and the result is valid UTF-8."""
    for shown in (printable(text), quoted(text)):
        assert all(c == " " or unicodedata.category(c)[0] not in "CZ" for c in shown)
        assert shown.encode().decode() == shown


def unquoted(shown: str) -> str:
    """The text that was quoted, by the documented meaning of the escapes."""

    def character(found: re.Match[str]) -> str:
        escape = found[0][1:]
        if escape[0] not in "xuU":
            return {"n": "\n", "r": "\r", "t": "\t"}.get(escape, escape)
        code = int(escape[1:], 16)
        return chr(0xDC00 + code) if escape[0] == "x" and code >= 0x80 else chr(code)

    inside = shown.removeprefix('"').removesuffix('"')
    assert re.fullmatch(r'([^"\\]|\\.)*', inside), "a quote stands alone"
    return re.sub(r"\\(x..|u....|U........|.)", character, inside)


@given(ANY_TEXT)
def test_a_quoted_text_can_be_read_back(text: str) -> None:
    """Quoting loses nothing, so no two texts look the same; and none can close its quotes."""
    assert unquoted(quoted(text)) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢字", '"plain é 漢字"'),
        ("", '""'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("a\nb\r\tc", '"a\\nb\\r\\tc"'),
        ("\x1b[31m\x07\0\x7f", '"\\x1b[31m\\x07\\x00\\x7f"'),
        ("\x9b", '"\\u009b"'),
        ("txt\u202egpj", '"txt\\u202egpj"'),
        ("\u2066\u200b\ufeff", '"\\u2066\\u200b\\ufeff"'),
        ("bad\udcff\udc80", '"bad\\xff\\x80"'),
        ("\U000e0041", '"\\U000e0041"'),
    ],
)
def test_known_texts(text: str, shown: str) -> None:
    """Escapes are those that C programmers know; what is visible stays."""
    assert quoted(text) == shown


def test_paths_keep_their_backslashes() -> None:
    """Unquoted text is escaped only where it could do harm."""
    assert printable('C:\\a "b"\x1b') == 'C:\\a "b"\\x1b'
