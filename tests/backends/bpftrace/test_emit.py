"""Text in scripts: nothing that a user, a path or a name says becomes code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bpftrace_lexer import Token, tokens
from tests.strategies import names

from tracekit.backends.base import Options
from tracekit.backends.bpftrace.attach import Site, numeric, symbolic
from tracekit.backends.bpftrace.compile import compile_script
from tracekit.backends.bpftrace.emit import Emitter
from tracekit.backends.bpftrace.instrument import Filter, instrument
from tracekit.backends.bpftrace.quoting import comment, quote
from tracekit.core.aggregation import Count, Distribution
from tracekit.core.arch import X86_64
from tracekit.core.buckets import LogLinear
from tracekit.core.expr import Arg, Binary, Builtin, BuiltinName, Cast, Expr, Int, Name, Reg, Str, String
from tracekit.core.probe import FunctionName, Interval, Probe, Side, Syscall, Uprobe, Uretprobe, Usdt
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.core.types import INT_TYPES
from tracekit.errors import UnsupportedError, UsageError

READERS = pytest.mark.parametrize("by_hand", [False, True], ids=["flex", "by hand"])
"""Both of bpftrace's readers."""

HOSTILE = [
    '"', "\\", 'a\\"', "a\\", "\n", "\r\n", "*/", "/*", "//", "/ {", "}", '"); system("id"); //', "%d", "$1",
    "@x", "x:y", "\x01", "\x7f", "\x85", "\u2028", "\u202e", "é", "\udcff", "\\x22", "\\042", "#include <x>",
    "a b", "",
]  # fmt: skip
texts = (
    st.lists(st.sampled_from(HOSTILE) | st.text(st.characters(min_codepoint=1), max_size=3), max_size=4)
    .map("".join)
    .map(lambda text: text.encode("utf-8", "replace").decode() if "\udcff" not in text else text[:20])
)
"""Texts of what ends strings, comments and statements."""


def the_program(binary: str, function: str, literals: tuple[str, str, str], exact: bool) -> Program:
    """A program with texts in every place that takes one."""
    first, second, third = map(String, literals)
    name = FunctionName(function, exact)
    func = Builtin(BuiltinName.FUNC)
    where = Binary("||", Binary("==", Str(Arg(0)), first), Binary("!=", Builtin(BuiltinName.COMM), third))
    steps = Distribution(Arg(1), LogLinear(10, 0, 3, 10))
    return Program(
        (
            Clause(
                (Uprobe(binary, name), Uretprobe(binary, name)),
                where=where,
                aggregates=(
                    Aggregate("a", Count(), (second, func, Int(5), first)),
                    Aggregate("b", steps, (Cast(INT_TYPES["int8"], Arg(2)),)),
                ),
            ),
            Clause(
                Uprobe(binary, name, 4),
                where=Binary("==", func, first),
                aggregates=Aggregate("", Count(), (third,)),
            ),
        )
    )


def structure(found: list[Token]) -> list[Token]:
    """The tokens without what texts, comments and names say."""
    shown = {"string": "", "comment": ""}
    return [
        Token(t.kind, t.value.split("\0")[0] if t.kind == "fields" else shown.get(t.kind, t.value))
        for t in found
    ]


def harmless(*originals: str) -> list[str]:
    """Texts of letters: as long in bytes as others, and the same where those are the same."""
    known = list(dict.fromkeys(originals))
    return ["abcdefg"[known.index(text)] * len(text.encode("utf-8", "surrogateescape")) for text in originals]


def run_script(program: Program, function: str) -> str:
    """The script of a run, where probes are placed by numbers."""
    sites: dict[Probe, list[Site]] = {}
    for clause in program.clauses:
        for probe in clause.probes:
            assert isinstance(probe, Uprobe | Uretprobe)
            sites[probe] = [numeric(probe, "/proc/7/fd/3", 0x1139, function)]
    return instrument(program, sites, Filter("pid == 7"), Options(max_string=128), X86_64, 1 << 62).text


@given(texts)
def test_a_quoted_text_is_one_string(text: str) -> None:
    """Both of bpftrace's readers read a quoted text as one string, and as the same text."""
    for by_hand in (False, True):
        found = tokens(f"a{{{quote(text)}}}", by_hand=by_hand)
        assert found[2:] == [Token("string", text), Token("sign", "}")]


@given(texts)
def test_a_comment_ends_with_its_line(text: str) -> None:
    """No text ends the comment that it is in; the line after it is code again."""
    for by_hand in (False, True):
        first, *rest = tokens(f"{comment(text)}\na{{}}", by_hand=by_hand)
        assert first.kind == "comment"
        assert rest == [Token("fields", "a"), Token("sign", "{"), Token("sign", "}")]
    assert comment(text).isprintable()


@given(names, names, st.tuples(texts, texts, texts), st.booleans())
def test_texts_change_nothing_of_a_script_for_people(
    binary: str, function: str, literals: tuple[str, str, str], exact: bool
) -> None:
    """With hostile texts a script has the tokens that it has with letters, or is refused for a name."""
    options = Options(max_string=128)
    try:
        script = compile_script(the_program(binary, function, literals, exact), X86_64, options).text
    except UnsupportedError:
        assert set('":\\*') & set(binary + function)
        return
    *names_, first, second, third = harmless(binary, function, *literals)
    peaceful = compile_script(the_program(names_[0], names_[1], (first, second, third), exact), X86_64, options)
    for by_hand in (False, True):
        found = tokens(script, by_hand=by_hand)
        assert structure(found) == structure(tokens(peaceful.text, by_hand=by_hand))
        assert {*literals} <= {t.value for t in found if t.kind == "string"}
        address = FunctionName(function, exact).address
        place = f"{address:#x}" if address is not None else function
        assert [t.value.split("\0") for t in found if t.kind == "fields"] == [
            ["uprobe", binary, place],
            ["uretprobe", binary, place],
            ["uprobe", binary, f"{place}+4"],
        ]


@given(names, st.tuples(texts, texts, texts))
def test_texts_change_nothing_of_a_run(function: str, literals: tuple[str, str, str]) -> None:
    """Names of any kind and hostile texts leave a run's script what it is with letters."""
    script = run_script(the_program("x", function, literals, exact=True), function)
    name, first, second, third = harmless(function, *literals)
    peaceful = run_script(the_program("x", name, (first, second, third), exact=True), name)
    for by_hand in (False, True):
        found = tokens(script, by_hand=by_hand)
        assert structure(found) == structure(tokens(peaceful, by_hand=by_hand))
        assert {literals[0], literals[1]} <= {t.value for t in found if t.kind == "string"}


@READERS
@pytest.mark.parametrize("text", HOSTILE)
def test_known_ways_out_of_a_string_are_closed(text: str, by_hand: bool) -> None:
    """What ends a string, a comment or a statement elsewhere ends nothing here."""
    program = the_program("./a b", "f", (text, text + '"', text + "\\"), exact=False)
    script = compile_script(program, X86_64).text
    found = tokens(script, by_hand=by_hand)
    assert [t.value for t in found if t.kind == "word" and t.value in ("system", "exit", "printf")] == []
    assert [t.value for t in found if t.kind == "string"].count(text + '"') >= 1
    assert sum(t == Token("sign", "{") for t in found) == sum(t == Token("sign", "}") for t in found)


def test_bytes_that_are_no_utf8_reach_the_script_as_they_are() -> None:
    """A string's bytes are those that the user meant, whatever their encoding."""
    assert quote("a\udcff\udc80\té").encode("utf-8", "surrogateescape") == b'"a\xff\x80\\011\xc3\xa9"'


@READERS
@pytest.mark.parametrize(
    "name",
    [
        "0x1 { system() }",
        "0x12/ {",
        "0xg",
        "main.(T).M",
        "operator<<",
        "a{}",
        "a,b",
        "a b",
        "$1",
        "@x",
        "f()",
        "x/*",
    ],
)
def test_names_stay_names(name: str, by_hand: bool) -> None:
    """A function's name is one field of its attach point, also if it begins like a number."""
    site = symbolic(Uprobe("./x y", FunctionName(name, exact="*" not in name)))
    (found, *_) = tokens(f"{site.attach}\n{{}}", by_hand=by_hand)
    assert found == Token("fields", f"uprobe\0./x y\0{name}")


def test_an_address_is_written_as_a_number() -> None:
    """A name that is an address is read as a number and printed as one, whatever its spelling."""
    assert symbolic(Uprobe("x", FunctionName("0X11_39 "))).attach == "uprobe:x:0x1139"


@pytest.mark.parametrize("name", ['a"b', "a:b", "a\\b", "main.(*T).M"])
def test_names_that_quotes_do_not_help_are_refused(name: str) -> None:
    """What bpftrace reads as something else even in quotes is not put into a script for people."""
    with pytest.raises(UnsupportedError, match="in a name as something else"):
        symbolic(Usdt("x", "provider", name))


@pytest.mark.parametrize("name", ["read:x", "re ad", "read{", "*", "réad"])
def test_system_calls_are_words(name: str) -> None:
    """Nothing but letters, digits and underscores gets into a tracepoint's name."""
    with pytest.raises(UnsupportedError, match="the system call"):
        symbolic(Syscall(name, Side.ENTRY))


def test_attach_points_of_every_kind() -> None:
    """Each probe of the model has its place in bpftrace's words."""
    assert symbolic(Syscall("read", Side.RETURN)) == Site(
        "tracepoint:syscalls:sys_exit_read", arguments=(), retval="args->ret"
    )
    assert symbolic(Usdt("./a b", "p", "n")).attach == 'usdt:"./a b":p:n'
    assert symbolic(Interval("ms", 20)).attach == "interval:ms:20"
    assert symbolic(Uretprobe("x", FunctionName("f*"))) == Site('uretprobe:x:"f*"', 'uprobe:x:"f*"', "f*")


@pytest.mark.parametrize("node", [Name("value"), Builtin(BuiltinName.USTACK)])
def test_what_has_no_number_is_refused(node: Expr) -> None:
    """Names and stacks never reach a script as numbers."""
    with pytest.raises((UnsupportedError, UsageError, AssertionError)):
        Emitter(X86_64).number(node)


def test_registers_are_those_of_the_processor() -> None:
    """Another processor's register is an error that names this one's."""
    with pytest.raises(UsageError, match="x86_64 has no register 'x0'"):
        Emitter(X86_64).number(Reg("x0"))


def test_a_string_that_no_string_can_be_is_refused() -> None:
    """A literal longer than what is kept of strings would never be found: the user is told."""
    emitter = Emitter(X86_64, max_string=8)
    assert emitter.string(String("1234567")) == '"1234567"'
    with pytest.raises(UsageError, match="8 bytes; 7 are kept") as error:
        emitter.string(String("123456é"))
    assert "--max-string" in error.value.hint


def test_strings_cut_at_different_lengths_are_not_compared() -> None:
    """The versions disagree on what is left of a cut string; only what is right everywhere is emitted."""
    emitter = Emitter(X86_64)
    with pytest.raises(UnsupportedError, match="cut at different lengths"):
        emitter.condition(Binary("==", Str(Arg(0), 4), Str(Arg(1), 9)))
    with pytest.raises(UnsupportedError, match="cut at different lengths"):
        emitter.condition(Binary("==", Str(Arg(0), 4), Builtin(BuiltinName.COMM)))
    assert emitter.condition(Binary("==", Str(Arg(0), 4), String("long"))) == "1 == 0"
    assert emitter.condition(Binary("!=", Str(Arg(0), 4), String("long"))) == "1 == 1"
    whole = "str((uint64)arg0, 64)"
    assert emitter.condition(Binary("==", Str(Arg(0), 4), String("abc"))) == f'strncmp({whole}, "abc", 3) == 0'
    assert emitter.condition(Binary("==", String("ab"), Str(Arg(0), 4))) == f'"ab" == {whole}'
    assert emitter.condition(Binary("!=", Str(Arg(0), 40), Builtin(BuiltinName.COMM))) == f"{whole} != comm"
