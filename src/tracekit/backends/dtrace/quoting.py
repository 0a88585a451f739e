"""How text becomes part of a D program: the only place where it does."""

from __future__ import annotations

from typing import Final

from tracekit.backends.dtrace.dialect import MODULE_BYTES, NAME_BYTES, Dialect
from tracekit.errors import UnsupportedError

BACKEND: Final = "dtrace"

_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")


def quote(text: str) -> str:
    r"""A string literal of D's for any text.

    Quotes and backslashes are escaped; whatever else isn't visible ASCII is an octal escape of three digits,
    byte by byte. D gives nothing inside of quotes another meaning (``dt_lex.l``, ``RGX_STR``).
    """
    data = text.encode("utf-8", "surrogateescape")
    return '"' + "".join(_escaped(byte) for byte in data) + '"'


def comment(text: str) -> str:
    """A line for people that ends where its text does."""
    # A "*" and a "/" that meet would end it, also where something unprintable stood between them.
    shown = "".join(c if c.isprintable() else "?" for c in text)
    while "*/" in shown:
        shown = shown.replace("*/", "* /")
    return f"/* {shown} */"


def probe_name(text: str, dialect: Dialect, *, star: bool = False) -> str:
    """The name of a function or a probe in a probe's description.

    Args:
        text: the name.
        dialect: whose characters are allowed.
        star: whether ``*`` is meant as the wildcard.

    Raises:
        UnsupportedError: if D reads it as something else.
    """
    allowed = _PLAIN | {*dialect.signs, "-", *("*" if star else "")}
    wrong = next((c for c in text if c not in allowed), None)
    if wrong is not None or len(text) > NAME_BYTES or text.startswith((".", "-", "(", "<", ">", "+")):
        shown = f"{wrong!r} in a name" if wrong else "a name like this"
        if wrong is None and len(text) > NAME_BYTES:
            shown = f"a name of more than {NAME_BYTES} bytes"
        raise UnsupportedError(
            feature=f"a script with the name {text!r}",
            backend=BACKEND,
            reason=f"a probe's description can't have {shown}",
            remedy="Give the function's symbol, such as _ZN5Cache6insertEv; "
            "'tracekit trace' attaches by address and has no such limit.",
        )
    return text


def module_name(text: str) -> str:
    """The name of a loaded file in a probe's description, ``?`` for each character that D can't spell."""
    spelled = "".join(c if c in _PLAIN or c == "-" else "?" for c in text)
    return spelled if len(spelled) <= MODULE_BYTES else f"{spelled[: MODULE_BYTES - 1]}*"


def _escaped(byte: int) -> str:
    if byte in b'"\\':
        return "\\" + chr(byte)
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"
