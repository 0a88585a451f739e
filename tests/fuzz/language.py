"""Texts of programs: by the language's grammar, and such texts damaged.

What is read is also printed and read again, turned into a document and back, and compiled for every engine.
"""

from __future__ import annotations

import contextlib
import json
from random import Random

from tests.fuzz.mutate import mutated, number
from tests.fuzz.target import Target

from tracekit.backends.base import Options
from tracekit.backends.registry import backend, backend_names
from tracekit.codec.model import program_from_dict, program_to_dict
from tracekit.core.arch import architecture
from tracekit.core.program import check
from tracekit.errors import TracekitError
from tracekit.syntax import parse, print_program
from tracekit.workflow.resolve import is_resolved

_PIECES = (
    *b"uprobe: usdt: syscall: interval:s: profile:hz: cpp: /a / /* */ // { } @ = count() hist( ( ) [ ]".split(),
    *b"\" \\ \\x4 \\xff * - -- ! ~ ? : :: , ; $x pid str( reg( args. -> . (int32) (uint64*) << ' && ||".split(),
    *b"operator< < > .(*T). 0x 1e9 K MiB retval elapsed comm ustack len( cap( <anonymous>".split(),
    *(b"\n", b" ", b"9" * 40, "é".encode()),
)
_FUNCTIONS = (
    *("f", "a*", '"odd name"', "a::b<int, char>::c(int)", "main.(*T).M", "a.c:f", "0x1139", "f+4"),
    '"{closure#0}"',
)
_BUILTINS = ("pid", "tid", "cpu", "func") * 3 + ("comm", "ustack", "elapsed", "retval")
_OPERATORS = ["+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^", "<", "<=", ">", ">=", "==", "!=", "&&", "||"]


def make(chance: Random) -> bytes:
    """A text of some clauses."""
    text = "\n".join(_clause(chance) for _ in range(chance.choice((1, 1, 1, 2, 3)))).encode()
    return mutated(chance, text, _PIECES) if chance.random() < 0.5 else text


def read(data: bytes) -> None:
    """Read a text, and do with it whatever needs no binary."""
    program = parse(data.decode("utf-8", "surrogateescape"))
    check(program)
    text = print_program(program)
    assert parse(text) == program, text
    assert program_from_dict(json.loads(json.dumps(program_to_dict(program)))) == program
    if not is_resolved(program):
        return
    for name in backend_names():
        with contextlib.suppress(TracekitError):
            backend(name).compile(program, architecture("x86_64"), Options(), None, text.split("\n"))


def _clause(chance: Random) -> str:
    probes = ", ".join(_probe(chance) for _ in range(chance.choice((1, 1, 1, 2))))
    where = f" /{_expression(chance)}/" if chance.random() < 0.3 else ""
    body = "; ".join(_aggregate(chance) for _ in range(chance.choice((1, 1, 2, 4))))
    return f"{probes}{where} {{ {body} }}"


def _probe(chance: Random) -> str:
    binary, function = chance.choice(("./a", "/usr/lib/x.so", '"a b"', "libc.so.6")), chance.choice(_FUNCTIONS)
    return chance.choice(
        (
            *(f"uprobe:{binary}:{function}", f"uretprobe:{binary}:g") * 3,
            *(f"usdt:{binary}:p:n", "syscall:read:entry", "syscall:read:return"),
            *(f"interval:s:{number(chance)}", "profile:hz:99", "interval:ms:10"),
        )
    )


def _aggregate(chance: Random) -> str:
    name = chance.choice(("", "a", "bytes", "_x9"))
    keys = ", ".join(_expression(chance) for _ in range(chance.choice((0, 0, 1, 2))))
    value = _expression(chance)
    few = [number(chance) if chance.random() < 0.2 else chance.randrange(-5, 300) for _ in range(4)]
    function = chance.choice(
        (
            *("count()", f"sum({value})", f"min({value})", f"max({value})", f"avg({value})", f"stats({value})"),
            *(f"hist({value})", f"hist({value}, {few[0]})", f"quantize({value})"),
            f"lhist({value}, {few[0]}, {few[1]}, {few[2]})",
            f"llquantize({value}, {chance.choice((2, 10, few[0]))}, {few[1]}, {few[2]}, {few[3]})",
        )
    )
    return f"@{name}{f'[{keys}]' if keys else ''} = {function}"


def _expression(chance: Random, depth: int = 4) -> str:
    if depth == 0 or chance.random() < 0.4:
        return chance.choice(
            (
                *(
                    f"arg{chance.randrange(8)}",
                    chance.choice(_BUILTINS),
                    'reg("rdx")',
                    "value",
                    "args.x",
                    '"s"',
                ),
                *(str(number(chance)), hex(abs(number(chance))), "4K", "1MiB", "7"),
            )
        )
    one, other = _expression(chance, depth - 1), _expression(chance, depth - 1)
    return chance.choice(
        (
            *(f"{one} {chance.choice(_OPERATORS)} {other}", f"({one})", f"-{one}", f"!{one}", f"~({one})"),
            *(f"str({one})", f"str({one}, {chance.choice((1, 16, number(chance)))})", f"str({one}, {other})"),
            *(f"(int32){one}", f"*(uint16*)({one})", f"*{one}", f"{one}[{other}]", f"{one}.len", f"{one}->x"),
            *(f"{one} ? {other} : {one}", f"len({one})", f"cap({one})", f"(uint8){one}", f"*(int8 *){one}"),
        )
    )


LANGUAGE = Target("language", make, read)
