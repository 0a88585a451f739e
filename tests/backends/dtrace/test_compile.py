"""What is refused, and how the dialects differ."""

from __future__ import annotations

import pytest

import tracekit as tk
from tracekit.backends.base import Options
from tracekit.backends.dtrace.attach import by_name
from tracekit.backends.dtrace.dialect import DIALECTS, LINUX, dialect
from tracekit.backends.dtrace.emit import Emitter
from tracekit.backends.dtrace.instrument import instrument
from tracekit.core.arch import X86_64
from tracekit.core.expr import Arg, Binary, Cast, Int, Reg, Str, String, Unary
from tracekit.core.types import INT64, INT_TYPES, UINT64
from tracekit.errors import UnsupportedError, UsageError

REFUSED = {
    "uprobe:./a:f { @ = count(); @k[ustack] = count() }": "ustack",
    "uprobe:./a:f { @ = hist((int64)float32(arg0)) }": "floating-point",
    "uprobe:./a:f { @[1, 2, 3, 4, 5, 6, 7, 8, arg0] = count() }": "8 keys at most, and 9",
    "uprobe:./a:f { @[1, 2, 3, 4, 5, 6, 7, arg0] = hist(arg0, 2) }": "8 keys at most, and 9",
    "uprobe:./a:f /str(arg0, arg1) == str(arg2)/ { @ = count() }": "that no NUL ends",
    "interval:s:10000000000 { @ = count() }": "32 bits",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_dtrace_can_not_do_is_refused(text: str) -> None:
    """By its compiler's limits, before dtrace sees it, for people and for a run."""
    program = tk.parse(text)

    def run() -> None:
        sites = {p: (by_name(p, X86_64, LINUX),) for c in program.clauses for p in c.probes}
        instrument(program, sites, "", Options(), X86_64, LINUX, 1 << 62)

    with pytest.raises(UnsupportedError, match=REFUSED[text]):
        tk.compile(program, backend="dtrace", arch="x86_64", system="linux")
    with pytest.raises(UnsupportedError, match=REFUSED[text]):
        run()


def test_systems_by_their_names() -> None:
    """A dialect is found by its own name and by what Python calls the system."""
    assert [dialect(n).name for n in ("Darwin", "SunOS", "FreeBSD", "Linux")] == [
        "macos", "illumos", "freebsd", "linux"
    ]  # fmt: skip
    assert all(dialect(name) is found for name, found in DIALECTS.items())
    with pytest.raises(UsageError, match="no dtrace for 'Plan9'"):
        tk.compile(tk.parse("uprobe:a:f { @ = count() }"), backend="dtrace", system="Plan9")


def test_expressions_read_as_a_person_writes_them() -> None:
    """No casts and parentheses but those that matter."""
    emitter = Emitter(X86_64, LINUX)
    assert emitter.value(Binary("+", Arg(0), Int(5))) == "arg0 + 5"
    assert emitter.value(Cast(INT_TYPES["int32"], Arg(1))) == "(int32_t)arg1"
    assert emitter.number(Cast(INT_TYPES["int8"], Arg(1)), UINT64) == "(uint64_t)(int64_t)(int8_t)arg1"
    assert emitter.value(Binary(">>", Reg("rdx"), Int(65))) == "uregs[R_RDX] >> 1"
    assert emitter.condition(Unary("!", Binary("<", Arg(0), Int(-3)))) == "!(arg0 < -3)"
    assert emitter.number(Int(2**64 - 1), UINT64) == "(uint64_t)0xffffffffffffffff"
    assert emitter.number(Int(-(2**63)), INT64) == "(int64_t)0x8000000000000000"
    assert emitter.statements == []


def test_division_never_gives_an_event_up() -> None:
    """By 0 it is 0, or what was divided; by -1 it is no division; a remainder comes from the quotient."""
    emitter = Emitter(X86_64, LINUX)
    assert emitter.number(Binary("/", Arg(0), Int(0)), INT64) == "(int64_t)0"
    assert emitter.number(Binary("%", Arg(0), Int(0)), INT64) == "arg0"
    assert emitter.number(Binary("/", Arg(0), Int(-1)), INT64) == "(-arg0)"
    assert emitter.number(Binary("%", Arg(0), Int(7)), INT64) == "(arg0 % 7)"
    assert emitter.number(Binary("%", Arg(0), Arg(1)), INT64) == (
        "(arg1 == 0 ? arg0 : arg1 == -1 ? 0 : arg0 - arg0 / arg1 * arg1)"
    )


def test_strings_end_where_the_model_ends_them() -> None:
    """Where copyinstr may keep one byte more, the rest is cut; too long a literal is refused."""
    node = Str(Arg(0), 16)
    assert Emitter(X86_64, LINUX).string(node) == "copyinstr(arg0, 16)"
    assert Emitter(X86_64, DIALECTS["illumos"]).string(node) == "substr(copyinstr(arg0, 16), 0, 15)"
    with pytest.raises(UsageError, match="8 bytes; 7 are kept"):
        Emitter(X86_64, LINUX, max_string=8).string(String("123456é"))


def test_a_map_of_two_clauses_has_keys_of_one_type() -> None:
    """D takes a key's type from its first use: pid is an int, and arg0 has 64 bits."""
    text = "uprobe:./a:f { @[pid] = count() } uprobe:./a:g { @[arg0] = count() }"
    script = tk.compile(tk.parse(text), backend="dtrace", system="linux").text
    assert "@[(int64_t)pid] = count();" in script and "@[arg0] = count();" in script
