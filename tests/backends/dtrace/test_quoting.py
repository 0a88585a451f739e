"""Text in D programs: nothing that a user, a path or a name says becomes code."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.backends.bpftrace.test_emit import HOSTILE, harmless, texts, the_program
from tests.strategies import names

from tracekit.backends.base import Options
from tracekit.backends.dtrace.attach import Site, by_name, entry
from tracekit.backends.dtrace.clauses import clause
from tracekit.backends.dtrace.compile import compile_script
from tracekit.backends.dtrace.dialect import DIALECTS, LINUX, MACOS, Dialect
from tracekit.backends.dtrace.emit import bare
from tracekit.backends.dtrace.instrument import instrument
from tracekit.backends.dtrace.quoting import comment, module_name, quote
from tracekit.core.arch import X86_64
from tracekit.core.probe import FunctionName, Probe, Side, Syscall, Uprobe, Uretprobe, Usdt
from tracekit.core.program import Program
from tracekit.errors import UnsupportedError

dialects = st.sampled_from(list(DIALECTS.values()))

_TOKENS = re.compile(
    # As in dt_lex.l: comments, RGX_STR, then everything else one sign at a time.
    r'(?P<comment>/\*.*?\*/)|(?P<string>"(?:[^"\\\n]|\\[^"\n]|\\")*")|(?P<sign>.)',
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\([0-7]{1,3}|.)")


def tokens(text: str) -> list[tuple[str, str]]:
    """A program as D's reader takes it apart, comments and strings without what they say."""
    found = []
    for token in _TOKENS.finditer(text):
        assert token.lastgroup is not None
        shown = token[0] if token.lastgroup == "sign" else ""
        assert shown not in ('"', "'"), "a quote is open"
        found.append((token.lastgroup, shown))
    return found


def meant(literal: str) -> bytes:
    """The bytes that a string literal stands for, by ``stresc2chr`` in ``dt_string.c``."""
    assert _TOKENS.fullmatch(literal) and literal.isascii() and literal.isprintable()
    text = _ESCAPE.sub(lambda m: chr(int(m[1], 8)) if m[1][0].isdigit() else m[1], literal[1:-1])
    return text.encode("latin-1")


@given(texts | st.text(st.characters(exclude_categories=("Cs",), min_codepoint=1)))
def test_a_quoted_text_is_one_string(text: str) -> None:
    """D reads a quoted text as one string with the same bytes."""
    assert meant(quote(text)) == text.encode("utf-8", "surrogateescape")


@given(texts | st.text("*/ \n\r\0a"))
def test_a_comment_ends_where_it_should(text: str) -> None:
    """No text ends the comment that it is in, nor starts a line of its own."""
    shown = comment(text)
    assert shown.isprintable()
    assert tokens(shown + "x") == [("comment", ""), ("sign", "x")]


@given(names, dialects)
def test_a_name_is_itself_or_refused(name: str, system: Dialect) -> None:
    """A name in a probe's description has only what D takes for a part of it, and no pattern but a star."""
    for exact in (True, False):
        try:
            site = by_name(Uprobe("./x y", FunctionName(name, exact)), X86_64, system)
        except UnsupportedError:
            continue
        assert site.probes == (f"pid$target:x?y:{name}:entry",)
        assert re.fullmatch(r"[A-Za-z0-9_.*<>+()-]+", name) and ("*" not in name or not exact)
    assert re.fullmatch(r"[A-Za-z0-9_.?*-]{1,63}", module_name(name))


@pytest.mark.parametrize("name", ["main.(*T).M", "a$b", "operator<<", "a:b", "f[1]", "f?", "a b", "x" * 128])
def test_names_that_d_reads_as_something_else_are_refused(name: str) -> None:
    """The reason and the way out are told."""
    with pytest.raises(UnsupportedError, match="a probe's description can't have") as error:
        by_name(Uprobe("x", FunctionName(name, exact=True)), X86_64, LINUX)
    assert "_ZN" in error.value.hint


def test_addresses_are_for_runs_only() -> None:
    """Where a file is loaded, a script can't know."""
    with pytest.raises(UnsupportedError, match="the process's memory"):
        by_name(Uprobe("x", FunctionName("0x1139")), X86_64, LINUX)
    assert entry(7, "a b.so", 0x7F00_1139, "f").probes == ("pid7:a?b.so:-:7f001139",)


def test_attach_points_of_every_kind() -> None:
    """Each probe of the model has its place in D's words."""
    assert by_name(Syscall("read", Side.RETURN), X86_64, LINUX) == Site(("syscall::read:return",))
    assert by_name(Usdt("/bin/a", "p", "n-m"), X86_64, LINUX, ("*",)).probes == ("p*:a::n-m",)
    assert by_name(Uretprobe("libc", FunctionName("mem*")), X86_64, MACOS, ("3",)) == Site(
        ("pid3:libc*.dylib:mem*:return",), ("pid3:libc*.dylib:mem*:entry",), "mem*"
    )
    with pytest.raises(UnsupportedError, match="the system call"):
        by_name(Syscall("read:x", Side.ENTRY), X86_64, LINUX)


def run_program(program: Program, function: str, system: Dialect) -> str:
    """The program of a run, where probes are placed by numbers."""
    sites: dict[Probe, list[Site]] = {}
    for probe in (probe for c in program.clauses for probe in c.probes):
        if isinstance(probe, Uretprobe):
            sites[probe] = [Site(("pid7:a:-:10",), ("pid7:a:-:20",), function)]
        else:
            sites[probe] = [entry(7, "a", 0x1139, function)]
    options = Options(max_string=128)
    return instrument(program, sites, "pid == 7", options, X86_64, system, 1 << 62).text


@given(names, st.tuples(texts, texts, texts), dialects)
def test_texts_change_nothing_of_a_program(name: str, literals: tuple[str, str, str], system: Dialect) -> None:
    """With hostile texts a program has the tokens that it has with letters."""
    first, second, third = harmless(*literals)
    hostile = the_program("./a", "f", literals, exact=True)
    peaceful = the_program("./a", "f", (first, second, third), exact=True)
    same = name if name.isprintable() else "f"
    assert tokens(run_program(hostile, name, system)) == tokens(run_program(peaceful, same, system))
    script = compile_script(hostile, X86_64, system, Options(max_string=128)).text
    assert tokens(script) == tokens(compile_script(peaceful, X86_64, system, Options(max_string=128)).text)


@pytest.mark.parametrize("text", [*HOSTILE, "a\\", "$target", "${x}", "`x", "?"])
def test_known_ways_out_of_a_string_are_closed(text: str) -> None:
    """What ends a string, a comment or a clause elsewhere ends nothing here."""
    script = run_program(the_program("x", "f", (text, text + '"', text + "\\"), exact=True), "f", LINUX)
    outside = "".join(value for kind, value in tokens(script) if kind == "sign")
    assert outside.count("{") == outside.count("}")
    assert "system" not in outside and "include" not in outside


def test_parentheses_in_strings_are_no_parentheses() -> None:
    """The outer ones are taken away only where they belong together."""
    assert bare('("(" == x)') == '"(" == x'
    assert bare('("(" == x) && (")" == y)') == '("(" == x) && (")" == y)'
    assert bare("(a) + (b)") == "(a) + (b)" and bare("a") == "a"
    assert clause(["BEGIN"], "(a)", ["b;"]) == "BEGIN\n/a/\n{\n  b;\n}"
