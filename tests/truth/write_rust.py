"""Writes the functions of Rust programs."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from tests.truth.model import (
    ROWS,
    Emitted,
    Function,
    Parameter,
    Record,
)
from tests.truth.rows import Rows
from tests.truth.rust_words import PRELUDE, literal
from tests.truth.values import DATA_SIZE
from tests.truth.write_rust_values import RustValues


class RustWriter(RustValues):
    """Writes one program in Rust."""

    def function(self, function: Function) -> tuple[str, Rows]:
        """A function, its table and its caller, as text."""
        rows = Rows(self.seed, function, literal)
        self.before_call = []
        arguments, checks = [], []
        for parameter in self.parameters(function):
            since = rows.counts()
            built = self.build(parameter.type, (parameter.name,), parameter.name, rows, "r")
            arguments.append(built.expression)
            chosen = self.used(function, parameter, built.checks, rows)
            checks += chosen
            rows.mark_read(since, chosen, all_of_it="escape" in function.traits)
        if "method" in function.traits:
            self.before_call.append(
                f"note({rows.dyn(('self',))}, unsafe {{ ptr::addr_of!(self_{function.name}) }} as usize);"
            )
        before = list(self.before_call)
        count = rows.counts()
        result = None
        if function.result is not None:
            result = self.build(function.result, ("=result",), "", rows, "c").expression
        for truth, known in zip(rows.truth, count, strict=True):
            truth[:] = [leaf for leaf in truth[:known] if leaf.path[0] != "_"]
        fields = ", ".join(f"{n}: {t}" for t, n, _ in rows.fields)
        lines = "".join(
            f"    row_{function.name} {{ {', '.join(f'{f[1]}: {f[2][row]}' for f in rows.fields)} }},\n"
            for row in range(ROWS)
        )
        text = [
            f"struct row_{function.name} {{ {fields} }}",
            f"static mut rows_{function.name}: [row_{function.name}; {ROWS}] = [\n{lines}];",
            *self.callee(function, checks, result),
            *self.caller(function, before, arguments),
        ]
        return "\n".join(text), rows

    def parameters(self, function: Function) -> list[Parameter]:
        """A function's parameters; the first one of a method by value is ``self``."""
        parameters = list(function.parameters)
        if by_value(function):
            parameters[0] = attrs.evolve(parameters[0], name="self")
        return parameters

    def used(self, function: Function, parameter: Parameter, checks: tuple[str, ...], rows: Rows) -> list[str]:
        """The leaves that a function reads."""
        if "unused" in parameter.traits or parameter.name == "_":
            return []
        if "generic" in function.traits and parameter == function.parameters[0]:
            return []
        rng = rows.rng("use", parameter.name)
        return [c for c in checks if "partly" not in parameter.traits or rng.random() < 0.4]

    def callee(self, function: Function, checks: list[str], result: str | None) -> list[str]:
        """The function itself."""
        traits, name = function.traits, function.name
        parameters = self.parameters(function)
        given = [p.name if p.name == "self" else f"{p.name}: {self.spelled(p.type)}" for p in parameters]
        generic = ""
        if "generic" in traits and given and not by_value(function):
            given[0], generic = f"{parameters[0].name}: T", "<T>"
        if "method" in traits:
            given.insert(0, "&self")
        back = "" if function.result is None else f" -> {self.spelled(function.result)}"
        body = [f"    let c = row::<row_{name}>();"]
        if "frame" in traits:
            body += ["    let mut room = [0u8; 3000];", "    sink(ptr::addr_of_mut!(room) as usize);"]
        if "escape" in traits:
            body += [f"    sink(ptr::addr_of!({p.name}) as usize);" for p in parameters if p.name != "_"]
            body += ['    unsafe { std::arch::asm!("") };']
        if "method" in traits and "frame" not in traits:
            body += ["    sink(self as *const _ as usize);"]
        body += [f"    check({check});" for check in checks]
        body += [f"    std::mem::forget({p.name});" for p in parameters if p.name != "_"]
        body += [f"    {result}"] if result is not None else []
        how = (
            "#[no_mangle] "
            if "no_mangle" in traits and not generic and "method" not in traits and not by_value(function)
            else ""
        )
        c = 'extern "C" ' if "extern-c" in traits and not generic else ""
        text = [f"{how}#[inline(never)]", f"pub {c}fn {name}{generic}({', '.join(given)}){back} {{", *body, "}"]
        if "method" in traits:
            owner = f"pub struct S_{name}(u64); static mut self_{name}: S_{name} = S_{name}({function.number});"
            return [owner, f"impl S_{name} {{", *text, "}"]
        if by_value(function):
            return [f"impl {self.spelled(parameters[0].type)} {{", *text, "}"]
        return text

    def caller(self, function: Function, before: list[str], arguments: list[str]) -> list[str]:
        """What calls the function with every row."""
        name, traits = function.name, function.traits
        call = name
        if "method" in traits:
            call = f"unsafe {{ &*ptr::addr_of!(self_{name}) }}.{name}"
        elif by_value(function):
            call = f"{self.spelled(function.parameters[0].type)}::{name}"
        elif "indirect" in traits and not traits & {"generic", "extern-c"}:
            spelled = ", ".join(self.spelled(p.type) for p in function.parameters)
            back = "" if function.result is None else f" -> {self.spelled(function.result)}"
            before = [
                *before,
                f"let f: fn({spelled}){back} = {name}; let f = unsafe {{ ptr::read_volatile(&f) }};",
            ]
            call = "f"
        return [
            "#[inline(never)]",
            f"fn call_{name}() {{",
            f"    for i in 0..{ROWS}usize {{",
            f"        let r = opaque(unsafe {{ ptr::addr_of!(rows_{name}[i]) }});",
            *(f"        {line}" for line in before),
            f"        enter(r as *const _ as usize, {function.number * 16} + i as u64);",
            f"        let x = {call}({', '.join(arguments)});",
            *(["        sink(ptr::addr_of!(x) as usize);"] * ("kept" in traits)),
            '        unsafe { std::arch::asm!("") };',
            "        std::mem::forget(x);",
            "    }",
            "}",
        ]

    def program(self, functions: Sequence[Function]) -> Emitted:
        """The whole program."""
        texts, truth = [], {}
        for function in functions:
            start = len(self.declarations)
            text, rows = self.function(function)
            texts += [*self.declarations[start:], text]
            truth |= {(function.number, row): rows.truth[row] for row in range(ROWS)}
        calls = "".join(f"    call_{f.name}();\n" for f in functions)
        main = (
            f"pub fn main() {{\n    for i in 0..{DATA_SIZE} {{\n"
            f"        unsafe {{ *data(i) = (i * 37 + i / 7) as u8 }}\n    }}\n    note(63, 0);\n{calls}"
            "    if unsafe { tk_bad } != 0 { std::process::exit(1) }\n}\n"
        )
        return Emitted({"main.rs": "\n".join([PRELUDE, *texts, main])}, truth)


def by_value(function: Function) -> bool:
    """Whether it is a method that takes ``self`` by value."""
    first = function.parameters[0] if function.parameters else None
    return (
        "by-value" in function.traits
        and first is not None
        and isinstance(first.type, Record)
        and first.type.form == "struct"
        and first.name != "_"
    )
