"""Writes the types and values of Go programs."""

from __future__ import annotations

from typing import Any

from tests.truth.model import (
    Array,
    Enum,
    Kind,
    Path,
    Record,
    Scalar,
    Special,
    Sum,
    Type,
)
from tests.truth.random_go import INT
from tests.truth.rows import Rows
from tests.truth.values import DATA_SIZE
from tests.truth.write_c_values import Built

OFFSET = Scalar("int", 8, Kind.POINTER)
SPECIALS = {
    "map": "map[string]int64",
    "chan": "chan int",
    "func": "func(int) int",
    "any": "any",
    "error": "error",
}
GLOBALS = {
    "map": "make(map[string]int64)",
    "chan": "make(chan int, 4)",
    "func": "func(x int) int { return x + int(tk_now) }",
    "any": "any(int64({0}))",
    "error": "error(tkError({0}))",
}
WORDS = {"any": ("_type", "data"), "error": ("tab", "data")}

PRELUDE = f"""\
package main

import (
	"os"
	"unsafe"
)

var tk_data [{DATA_SIZE}]byte
var tk_now uint64
var tk_dyn [128]uintptr
var tk_bad uint64
var tk_row, tk_sink unsafe.Pointer
var tk_any any

type tkError int

func (e tkError) Error() string {{ return "error" }}

type tkString struct {{
	data unsafe.Pointer
	len  int
}}
type tkSlice struct {{
	data     unsafe.Pointer
	len, cap int
}}

func tkMakeString(k, n int) string {{
	s := tkString{{unsafe.Pointer(&tk_data[k]), n}}
	return *(*string)(unsafe.Pointer(&s))
}}

func tkMakeSlice[T any](k, n, c int) []T {{
	s := tkSlice{{unsafe.Pointer(&tk_data[k]), n, c}}
	return *(*[]T)(unsafe.Pointer(&s))
}}
"""


def literal(scalar: Scalar, value: Any) -> str:
    """A value as Go writes it."""
    match scalar.kind:
        case Kind.BOOL:
            return "true" if value else "false"
        case Kind.FLOAT:
            return _real(value)
        case Kind.COMPLEX:
            return f"complex({_real(value[0])}, {_real(value[1])})"
        case _:
            return str(value)


def _real(value: float) -> str:
    return float(value).hex()


class GoValues:
    """Writes types and values."""

    def __init__(self, seed: object) -> None:
        self.seed = seed
        self.declared: dict[Type, str] = {}
        self.declarations: list[str] = []
        self.before_call: list[str] = []
        self.count = 0

    def spelled(self, of: Type) -> str:
        """A type's name; declares it when it is first asked for."""
        match of:
            case Scalar(spelling):
                return spelling
            case Array(element, count):
                return f"[{count}]{self.spelled(element)}"
            case Special("string"):
                return "string"
            case Special("slice", (inner,)):
                return f"[]{self.spelled(inner)}"
            case Special(form):
                return SPECIALS[form]
            case Record("results", members):
                return f"({', '.join(self.spelled(m.type) for m in members)})"
            case Record(_, members):
                if of not in self.declared:
                    self.count += 1
                    name = f"t{self.count}"
                    fields = "; ".join(f"{m.name} {self.spelled(m.type)}" for m in members)
                    self.declared[of] = name
                    self.declarations.append(f"type {name} struct {{ {fields} }}")
                return self.declared[of]
            case Enum() | Sum():
                raise AssertionError(of)

    def build(self, of: Type, path: Path, access: str, rows: Rows, row: str) -> Built:
        """How a value of a type is made and checked."""
        match of:
            case Scalar(spelling, kind=Kind.POINTER):
                leaf = rows.leaf(OFFSET, path)
                made = f"({spelling})(unsafe.Pointer(&tk_data[{row}.{leaf}]))"
                return Built(made, (f"unsafe.Pointer({access}) != unsafe.Pointer(&tk_data[c.{leaf}])",))
            case Scalar():
                leaf = rows.leaf(of, path)
                return Built(f"{row}.{leaf}", (f"{access} != c.{leaf}",))
            case Record("results", members):
                built = [self.build(m.type, (*path, m.name), "", rows, row) for m in members]
                return Built(", ".join(b.expression for b in built))
            case Record(_, members):
                named = [
                    (m.name, self.build(m.type, (*path, m.name), f"{access}.{m.name}", rows, row))
                    for m in members
                    if m.name != "_"
                ]
                inside = ", ".join(f"{name}: {b.expression}" for name, b in named)
                return Built(f"{self.spelled(of)}{{{inside}}}", tuple(c for _, b in named for c in b.checks))
            case Array(element, count):
                each = [self.build(element, (*path, i), f"{access}[{i}]", rows, row) for i in range(count)]
                inside = ", ".join(b.expression for b in each)
                return Built(f"{self.spelled(of)}{{{inside}}}", tuple(c for b in each for c in b.checks))
            case Special("string"):
                data = rows.leaf(OFFSET, (*path, "str"))
                count = rows.leaf(INT, (*path, "len"), limit=1 << 40)
                return Built(f"tkMakeString({row}.{data}, {row}.{count})", (f"len({access}) != c.{count}",))
            case Special("slice", (inner,)):
                data = rows.leaf(OFFSET, (*path, "array"))
                count = rows.leaf(INT, (*path, "len"), limit=1 << 40)
                room = rows.leaf(INT, (*path, "cap"), limit=1 << 40)
                made = f"tkMakeSlice[{self.spelled(inner)}]({row}.{data}, {row}.{count}, {row}.{room})"
                return Built(made, (f"len({access}) != c.{count}", f"cap({access}) != c.{room}"))
            case Special(form):
                return self.build_global(form, path, access, rows)
            case _:
                raise AssertionError(of)

    def build_global(self, form: str, path: Path, access: str, rows: Rows) -> Built:
        """A value of a type whose inside is the runtime's: a variable of the package."""
        self.count += 1
        name = f"g{self.count}"
        value = GLOBALS[form].replace("{0}", str(1000 + self.count))
        self.declarations.append(f"var {name} = {value}")
        words = WORDS.get(form)
        for number, word in enumerate(words or ("",)):
            index = rows.dyn((*path, word) if words else path)
            self.before_call.append(f"tk_dyn[{index}] = (*[2]uintptr)(unsafe.Pointer(&{name}))[{number}]")
        return Built(name, (f"{access} == nil",))
