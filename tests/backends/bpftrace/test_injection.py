"""No name, path or string of a user's becomes part of a script's structure.

The reader of scripts here is an own one, after bpftrace's ``lexer.l``: a quoted string ends at the first quote
that no backslash stands before, a ``//`` comment at the end of its line, a ``/* */`` comment at ``*/``.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.backends.bpftrace.test_protocol import NONCE

import tracekit as tk
from tracekit.backends.base import Options
from tracekit.backends.bpftrace.attach import numeric, symbolic
from tracekit.backends.bpftrace.instrument import Filter, instrument
from tracekit.backends.bpftrace.quoting import comment, quote
from tracekit.core.arch import X86_64
from tracekit.core.expr import Binary, Builtin, BuiltinName, String
from tracekit.core.probe import FunctionName, Uprobe
from tracekit.errors import UnsupportedError

_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*")|(?P<line>//[^\n]*)|(?P<block>/\*.*?\*/)|(?P<open>")|(?P<other>.)""",
    re.DOTALL,
)
HOSTILE = st.text(
    st.sampled_from('"\\\n\r\t/*;{}@$#%:()[]\x00\x1b\x7f a') | st.characters(exclude_categories=["Cs"]),
    max_size=20,
) | st.sampled_from(
    [
        '"; system("id"); "',
        '\\"; cat("/etc/shadow"); //',
        "*/ BEGIN { exit(); }",
        "a\nb",
        "\\",
        '\\\\"',
        "%s%n",
        "\u2028",
    ]
)


def structure(script: str) -> list[str]:
    """The script with what is inside strings and comments taken out."""
    found = []
    for token in _TOKEN.finditer(script):
        assert token.lastgroup != "open", f"a quote is left open in {script!r}"
        found.append(token.lastgroup if token.lastgroup != "other" else token[0])
    return found


def undone(literal: str) -> str:
    """What bpftrace's lexer makes of a string literal."""
    inner = literal[1:-1]
    return re.sub(
        r"\\([0-7]{3}|.)", lambda m: chr(int(m[1], 8)) if len(m[1]) == 3 else m[1], inner, flags=re.DOTALL
    )


@given(HOSTILE)
def test_no_string_can_close_its_quote(text: str) -> None:
    """A quoted text is one string token, and means the text."""
    literal = quote(text)
    assert structure(literal) == ["string"]
    assert undone(literal) == text
    assert all(ord(c) >= 32 for c in literal)


@given(HOSTILE)
def test_no_text_can_end_its_comment(text: str) -> None:
    """A comment for people is one line, whatever is in it."""
    assert structure(comment(text) + "\nx") == ["line", "\n", "x"]


def shape(script: str) -> list[str]:
    """The structure of a script, after a look at its attach points: names there may be quoted or bare."""
    place = r"""(?:[A-Za-z_./][\w./-]*|"(?:[^"\\\n]|\\[0-7]{3}|\\.)*")"""
    attach = re.compile(rf"^uprobe:{place}:(?:{place}|0x[0-9a-f]+)(?= |$)", re.MULTILINE | re.ASCII)
    without, count = attach.subn("PROBE", script)
    assert count == 1, script
    return structure(without)


def scripts(name: str, path: str, text: str) -> list[str]:
    """The scripts of a program with a user's function, path and string, where there are any."""
    probe = Uprobe(path, FunctionName(name, exact=True))
    where = Binary("==", Builtin(BuiltinName.COMM), String(text))
    keys = (tk.comm, tk.func, String(text))
    program = tk.Program(tk.Clause(probe, where, tk.log2(tk.arg(1), name="m", by=keys)))
    found = []
    sites = {probe: (numeric(probe, path, 0x1139, name),)}
    found.append(instrument(program, sites, Filter("pid == 1"), Options(max_string=200), X86_64, NONCE).text)
    try:
        found.append(tk.compile(program, arch="x86_64", options=Options(max_string=200)).text)
    except UnsupportedError:
        found.append("")  # a name that bpftrace can't spell has no script for people
    return found


@given(HOSTILE, HOSTILE, HOSTILE)
def test_hostile_programs_have_the_structure_of_harmless_ones(name: str, path: str, text: str) -> None:
    """Names, paths and strings change nothing but what is inside of quotes and comments."""
    try:
        hostile = scripts(name, path, text)
    except tk.UsageError:
        return  # empty names, control characters and NULs are refused by the model
    harmless = scripts("name", "path with space", "text")
    for found, wanted in zip(hostile, harmless, strict=True):
        assert not found or shape(found) == shape(wanted)


@pytest.mark.parametrize("name", ['a"b', "a:b", "a\\b"])
def test_names_that_bpftrace_reads_as_something_else_have_no_script(name: str) -> None:
    """Even in quotes, some versions take these characters for others."""
    with pytest.raises(UnsupportedError, match="as something else"):
        symbolic(Uprobe("./a", FunctionName(name)))


def test_an_exact_star_has_no_script_and_a_wildcard_has() -> None:
    """bpftrace takes a star for the wildcard even in quotes."""
    with pytest.raises(UnsupportedError):
        symbolic(Uprobe("./a", FunctionName("main.(*T).M", exact=True)))
    assert symbolic(Uprobe("./a", FunctionName("get*"))).attach == 'uprobe:./a:"get*"'


@pytest.mark.parametrize("name", ["open; exit()", "read:x", "", "r\u00e9ad"])
def test_system_calls_have_plain_names_only(name: str) -> None:
    """A system call's name stands unquoted in the script, so nothing else is let through."""
    with pytest.raises(tk.TracekitError):
        symbolic(tk.syscall(name))


def test_registers_have_plain_names_only() -> None:
    """A register's name is one of the architecture's."""
    with pytest.raises(tk.UsageError):
        tk.reg('dx") + cat("/etc/shadow')
    with pytest.raises(tk.UsageError, match="no register"):
        tk.compile(tk.parse('uprobe:./a:f { @ = hist(reg("zz")) }'), arch="x86_64")
