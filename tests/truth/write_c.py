"""Writes the functions of C programs, and what C++ has in common with C."""

from __future__ import annotations

from collections.abc import Sequence

from tests.truth.model import (
    ROWS,
    Emitted,
    Expected,
    Function,
    Parameter,
    Scalar,
    Type,
)
from tests.truth.rows import Rows
from tests.truth.values import DATA_SIZE
from tests.truth.write_c_values import PRELUDE, Built, CValues, literal


class CWriter(CValues):
    """Writes one program in C."""

    suffix = ".c"

    def function(self, function: Function) -> tuple[str, Rows]:
        """A function, its table and its caller, as text."""
        rows = Rows(self.seed, function, literal)
        self.before_call = []
        arguments, checks = [], []
        for parameter in function.parameters:
            since = rows.counts()
            built = self.build(parameter.type, (parameter.name,), parameter.name, rows, "r", parameter.traits)
            arguments.append(built.expression)
            chosen = self.used(function, parameter, built.checks)
            checks += chosen
            passed = [] if "constant" in parameter.traits else chosen
            rows.mark_read(since, passed, all_of_it="escape" in function.traits)
        before = self.before_call
        self.before_call = []
        result = None if function.result is None else self.result(function.result, rows)
        table = f"row_{function.name}"
        text = [
            *self.table(rows, table, f"rows_{function.name}"),
            *self.callee(function, checks, result, table),
            *self.caller(function, before, arguments, table),
        ]
        return "\n".join(text), rows

    def result(self, of: Type, rows: Rows) -> Built:
        """How a function's result is made."""
        count = len(rows.truth[0])
        built = self.build(of, ("=result",), "", rows, "c", frozenset())
        for row in rows.truth:
            del row[count:]
        return built

    def used(self, function: Function, parameter: Parameter, checks: tuple[str, ...]) -> list[str]:
        """The leaves that a function reads."""
        rng = Rows(self.seed, function, literal).rng("use", parameter.name)
        if "unused" in parameter.traits:
            return []
        if "partly" in parameter.traits:
            return [c for c in checks if rng.random() < 0.4]
        return list(checks)

    def table(self, rows: Rows, of: str, name: str) -> list[str]:
        """The values that the function is called with."""
        fields = " ".join(f"{self.spelled(Scalar(t, 0))} {n};" for t, n, _ in rows.fields) or "char none;"
        lines = [f"  {{ {', '.join(f[2][row] for f in rows.fields) or '0'} }}," for row in range(ROWS)]
        return [f"struct {of} {{ {fields} }};", f"struct {of} {name}[{ROWS}] = {{", *lines, "};"]

    def head(self, function: Function) -> str:
        """A function's declaration."""
        result = "void" if function.result is None else self.spelled(function.result)
        parameters = [self.parameter(p) for p in function.parameters]
        if "variadic" in function.traits and parameters:
            parameters.append("...")
        inside = ", ".join(parameters) or "void"
        how = "noinline, noipa" if "noipa" in function.traits else "noinline"
        static = "static " if "static" in function.traits else ""
        return f"{static}__attribute__(({how})) {result} {function.name}({inside})"

    def parameter(self, parameter: Parameter) -> str:
        """A parameter's declaration."""
        const = " const" if "const" in parameter.traits else ""
        return f"{self.spelled(parameter.type)}{const} {parameter.name}"

    def callee(self, function: Function, checks: list[str], result: Built | None, table: str) -> list[str]:
        """The function itself."""
        return [f"{self.head(function)} {{", *self.body(function, checks, result, table), "}"]

    def body(self, function: Function, checks: list[str], result: Built | None, table: str) -> list[str]:
        """What the function does."""
        lines = [f"  const struct {table} *c = (const struct {table} *)tk_row; (void)c;"]
        if "frame" in function.traits:
            lines += ["  volatile char room[3000]; room[tk_now % 3000] = 1;"]
        if "alloca" in function.traits:
            lines += [
                "  volatile char *more = (volatile char *)__builtin_alloca(64 + tk_now % 64); more[3] = 1;"
            ]
        if "early" in function.traits:
            back = "" if function.result is None else f" {result.expression if result else ''}"
            lines += [f"  if (tk_bad > 1000000) return{back};"]
        if "escape" in function.traits:
            lines += [f"  tk_sink = (void *)&{p.name};" for p in function.parameters if self.addressable(p)]
            lines += ['  __asm__ volatile("" : : : "memory");']
        lines += [f"  tk_bad += ({check});" for check in checks]
        if "tail" in function.traits:
            lines += ['  __asm__ volatile("" ::: "memory");']
        if result is not None:
            lines += [f"  return {result.expression};"]
        return lines

    def addressable(self, parameter: Parameter) -> bool:
        """Whether a parameter's address can be stored."""
        return "const" not in parameter.traits

    def call(self, function: Function, arguments: list[str]) -> str:
        """A call of the function."""
        if "variadic" in function.traits and arguments:
            arguments = [*arguments, "1", "2.5"]
        return f"{function.name}({', '.join(arguments)})"

    def caller(self, function: Function, before: list[str], arguments: list[str], table: str) -> list[str]:
        """What calls the function with every row."""
        call = self.call(function, arguments)
        if function.result is not None and "kept" in function.traits:
            call = f"{{ {self.spelled(function.result)} x = {call}; tk_sink = (void *)&x; }}"
        halves = [(0, ROWS // 2), (ROWS // 2, ROWS)] if "twice" in function.traits else [(0, ROWS)]
        lines = [f"static __attribute__((noinline)) void call_{function.name}(void) {{"]
        for start, end in halves:
            lines += [
                f"  for (unsigned i = {start}; i < {end}; i++) {{",
                f"    struct {table} *r = rows_{function.name} + i;",
                '    __asm__ volatile("" : "+r"(r) : : "memory");',
                *(f"    {line}" for line in before),
                f"    tk_row = r; tk_now = {function.number * 16}UL + i;",
                f"    {call};",
                '    __asm__ volatile("" : : : "memory");',
                "  }",
            ]
        return [*lines, "}"]

    def program(self, functions: Sequence[Function]) -> Emitted:
        """The whole program."""
        texts, truth = [], {}
        for function in functions:
            start = len(self.declarations)
            text, rows = self.function(function)
            texts += [*self.declarations[start:], text]
            truth |= {(function.number, row): _known(rows.truth[row]) for row in range(ROWS)}
        calls = "".join(f"  call_{f.name}();\n" for f in functions)
        main = (
            f"int main(void) {{\n  for (int i = 0; i < {DATA_SIZE}; i++) tk_data[i] = i * 37 + i / 7;\n{calls}"
            "  return tk_bad != 0;\n}\n"
        )
        return Emitted({f"main{self.suffix}": "\n".join([self.prelude(), *texts, main])}, truth)

    def prelude(self) -> str:
        """What stands before everything else."""
        return PRELUDE


def _known(leaves: list[Expected]) -> list[Expected]:
    """Leaves that have a name by which one can ask for them."""
    return [leaf for leaf in leaves if leaf.path[0] != ""]
