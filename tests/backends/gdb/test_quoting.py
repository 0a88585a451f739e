"""Text in scripts for gdb stays text."""

from __future__ import annotations

import ast

from hypothesis import example, given
from hypothesis import strategies as st

from tracekit.backends.gdb.compile import compile_script
from tracekit.backends.gdb.quoting import comment, quote
from tracekit.core.arch import X86_64
from tracekit.syntax import parse

BYTES = st.binary().map(lambda data: data.decode("utf-8", "surrogateescape"))
ANY = st.text(st.characters(exclude_categories=())) | BYTES


@given(ANY)
@example("\rx = 1")
@example("\nx = 1")
@example("\fx = 1")
def test_a_comment_ends_where_its_line_does(text: str) -> None:
    """Nothing of it is Python, whatever it has: newlines, carriage returns, bytes that are no text."""
    assert ast.parse(comment(text) + "\n").body == []


@given(BYTES)
def test_a_literal_is_the_text(text: str) -> None:
    """Python reads back exactly its bytes."""
    assert ast.literal_eval(quote(text)) == text.encode("utf-8", "surrogateescape")


def test_remarks_are_no_code() -> None:
    """What a binary says of a type can't get into the script that a person gives to gdb."""
    program = parse("uprobe:./a:f { @ = count() }")
    plain, hostile = (
        compile_script(program, X86_64, remarks=remarks).text for remarks in ((), ("x\rimport os", "y\nos"))
    )
    assert ast.dump(ast.parse(plain)) == ast.dump(ast.parse(hostile))
