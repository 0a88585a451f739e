"""Writes the functions of Go programs."""

from __future__ import annotations

from collections.abc import Sequence

from tests.truth.model import (
    ROWS,
    Emitted,
    Function,
    Member,
    Parameter,
    Record,
    Type,
)
from tests.truth.rows import Rows
from tests.truth.write_go_values import PRELUDE, GoValues, literal


class GoWriter(GoValues):
    """Writes one program in Go."""

    def function(self, function: Function) -> tuple[str, Rows]:
        """A function, its table and its caller, as text."""
        rows = Rows(self.seed, function, literal)
        self.before_call = []
        arguments, checks = [], []
        for index, parameter in enumerate(function.parameters):
            if index == 0 and _receiver(function) == "pointer":
                name = f"self_{function.name}"
                self.declarations.append(f"var {name} {self.spelled(parameter.type)}")
                self.before_call.append(
                    f"tk_dyn[{rows.dyn((parameter.name,))}] = uintptr(unsafe.Pointer(&{name}))"
                )
                arguments.append(name)
                continue
            since = rows.counts()
            built = self.build(parameter.type, (parameter.name,), parameter.name, rows, "r")
            arguments.append(built.expression)
            chosen = self.used(function, parameter, built.checks, rows, index)
            checks += chosen
            rows.mark_read(since, chosen, all_of_it="escape" in function.traits)
        before = list(self.before_call)
        count = rows.counts()
        result = None
        if function.result is not None:
            result = self.build(function.result, ("=result",), "", rows, "c").expression
        for truth, known in zip(rows.truth, count, strict=True):
            truth[:] = [leaf for leaf in truth[:known] if leaf.path[0] != "_"]
        fields = "; ".join(f"{n} {t}" for t, n, _ in rows.fields)
        lines = "".join(f"\t{{{', '.join(f[2][row] for f in rows.fields)}}},\n" for row in range(ROWS))
        text = [
            f"type row_{function.name} struct {{ {fields} }}",
            f"var rows_{function.name} = [{ROWS}]row_{function.name}{{\n{lines}}}",
            *self.callee(function, checks, result),
            *self.caller(function, before, arguments),
        ]
        return "\n".join(text), rows

    def used(
        self, function: Function, parameter: Parameter, checks: tuple[str, ...], rows: Rows, index: int
    ) -> list[str]:
        """The leaves that a function reads."""
        if "unused" in parameter.traits or parameter.name == "_":
            return []
        if index == 0 and "generic" in function.traits:
            return []
        rng = rows.rng("use", parameter.name)
        return [c for c in checks if "partly" not in parameter.traits or rng.random() < 0.4]

    def callee(self, function: Function, checks: list[str], result: str | None) -> list[str]:
        """The function itself."""
        traits, given = function.traits, [f"{p.name} {self.spelled(p.type)}" for p in function.parameters]
        name = function.name
        if "generic" in traits and given:
            given[0] = f"{function.parameters[0].name} T"
            name += "[T any]"
        if receiver := _receiver(function):
            star = "*" if receiver == "pointer" else ""
            name = f"({function.parameters[0].name} {star}{given[0].partition(' ')[2]}) {name}"
            given = given[1:]
        if "variadic" in traits and given:
            given.append("more ...int")
        back = "" if function.result is None else self.spelled(function.result)
        if "named-results" in traits and function.result is not None:
            members = function.result.members if _is_results(function.result) else [Member("", function.result)]
            back = f"({', '.join(f'back{i} {self.spelled(m.type)}' for i, m in enumerate(members))})"
        body = [f"\tc := (*row_{function.name})(tk_row)", "\t_ = c"]
        if "frame" in traits:
            body += [
                "\tvar room [3000]byte",
                "\troom[tk_now%3000] = 1",
                "\ttk_bad += uint64(room[(tk_now+1)%3000])",
            ]
        if "escape" in traits:
            body += [f"\ttk_sink = unsafe.Pointer(&{p.name})" for p in function.parameters if p.name != "_"]
        if "generic" in traits and function.parameters and function.parameters[0].name != "_":
            body += [f"\ttk_any = {function.parameters[0].name}"]
        body += [f"\tif {check} {{\n\t\ttk_bad++\n\t}}" for check in checks]
        body += [f"\treturn {result}"] if result is not None else []
        signature = f"({', '.join(given)}) {back}"
        if "closure" in traits:
            inside = "\n".join(body).replace("\n", "\n\t")
            start = f"\tcaptured := tk_bad\n\ttkf := func{signature} {{\n\t\ttk_bad += captured - captured"
            self.closure = [start, inside, "\t}"]
            return []
        pragmas = ["//go:noinline"] + ["//go:nosplit"] * ("nosplit" in traits and "frame" not in traits)
        return [*pragmas, f"func {name}{signature} {{", *body, "}"]

    def caller(self, function: Function, before: list[str], arguments: list[str]) -> list[str]:
        """What calls the function with every row."""
        name, traits = function.name, function.traits
        call = name
        if "generic" in traits and arguments:
            call = f"{name}[{self.spelled(function.parameters[0].type)}]"
        if receiver := _receiver(function):
            if receiver == "pointer":
                call = f"(&{arguments[0]}).{name}"
            else:
                call = f"({arguments[0]}).{name}"
            arguments = arguments[1:]
        if "variadic" in traits and (arguments or function.parameters[1:]):
            arguments = [*arguments, "7", "8"]
        host, start = f"call_{name}", []
        if "closure" in traits:
            host, call, start = f"lam_{name}", "tkFunctions[0].(func" + self.signature_of(function) + ")", []
            start = [*self.closure, "\ttkFunctions[0] = tkf"]
        lines = [
            "//go:noinline",
            f"func {host}() {{",
            *start,
            f"\tfor i := range rows_{name} {{",
            f"\t\tr := &rows_{name}[i]",
            *(f"\t\t{line}" for line in before),
            "\t\ttk_row = unsafe.Pointer(r)",
            f"\t\ttk_now = {function.number * 16} + uint64(i)",
            f"\t\t{call}({', '.join(arguments)})",
            "\t}",
            "}",
        ]
        return lines if host.startswith("call_") else [*lines, f"func call_{name}() {{ lam_{name}() }}"]

    def signature_of(self, function: Function) -> str:
        """A function's type, without the word."""
        given = ", ".join(self.spelled(p.type) for p in function.parameters)
        back = "" if function.result is None else self.spelled(function.result)
        return f"({given}) {back}"

    def program(self, functions: Sequence[Function]) -> Emitted:
        """The whole program."""
        texts, truth = [], {}
        for function in functions:
            start = len(self.declarations)
            text, rows = self.function(function)
            texts += [*self.declarations[start:], text]
            truth |= {(function.number, row): rows.truth[row] for row in range(ROWS)}
        calls = "".join(f"\tcall_{f.name}()\n" for f in functions)
        main = (
            "var tkFunctions [1]any\n\nfunc main() {\n"
            "\tfor i := range tk_data {\n\t\ttk_data[i] = byte(i*37 + i/7)\n\t}\n"
            f"{calls}\tif tk_bad != 0 {{\n\t\tos.Exit(1)\n\t}}\n}}\n"
        )
        module = "module truth\n\ngo 1.18\n"
        return Emitted({"main.go": "\n".join([PRELUDE, *texts, main]), "go.mod": module}, truth)


def _receiver(function: Function) -> str:
    """What kind of receiver a function has: ``value``, ``pointer``, or none."""
    forms = [f for f in ("value", "pointer") if f in function.traits]
    first = function.parameters[0] if function.parameters else None
    usable = first is not None and isinstance(first.type, Record) and first.name != "_"
    return forms[0] if forms and usable else ""


def _is_results(of: Type) -> bool:
    return isinstance(of, Record) and of.form == "results"
