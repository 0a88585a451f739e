"""Writes C++ programs: what C++ has beyond C."""

from __future__ import annotations

from collections.abc import Sequence

from tests.truth import values
from tests.truth.model import (
    ROWS,
    Array,
    Enum,
    Expected,
    Function,
    Kind,
    Member,
    Path,
    Record,
    Scalar,
    Special,
    Truth,
    Type,
)
from tests.truth.rows import Rows
from tests.truth.write_c import CWriter
from tests.truth.write_c_values import PRELUDE, Built

SIZE = Scalar("size_t", 8)
DOUBLE = Scalar("double", 8, Kind.FLOAT)
POINTER = Scalar("size_t", 8, Kind.POINTER)
HEADERS = "string string_view vector memory utility array optional span complex new cstddef"
CXX_PRELUDE = (
    "".join(f"#include <{h}>\n" for h in HEADERS.split())
    + "#define _Bool bool\n"
    + PRELUDE
    + """\
struct tk_holder { virtual void method(); long data; };
typedef void (tk_holder::*tk_method)();
typedef long tk_holder::*tk_member;
void tk_holder::method() { tk_bad += 1; }
"""
)
REFERENCES = {"reference": "{} &", "const-reference": "{} const &", "rvalue-reference": "{} &&"}
CLASSES = frozenset({"constructor", "nontrivial", "derived", "virtual"})


class CxxWriter(CWriter):
    """Writes one program in C++."""

    suffix = ".cc"

    def prelude(self) -> str:
        return CXX_PRELUDE

    # Types

    def spelled(self, of: Type) -> str:
        match of:
            case Special(form, inner):
                spelled = [self.spelled(t) for t in inner]
                match form, spelled:
                    case (("reference" | "const-reference" | "rvalue-reference"), (one,)):
                        return REFERENCES[form].format(one)
                    case "vector" | "shared_ptr" | "optional" | "pair" | "complex" | "unique_ptr", _:
                        return f"std::{form}<{', '.join(spelled)}>"
                    case "span", (one,):
                        return f"std::span<const {one}>"
                    case (("string" | "string_view" | "nullptr_t"), _):
                        return f"std::{form}"
                    case "member-function", _:
                        return "tk_method"
                    case "member", _:
                        return "tk_member"
            case _:
                return super().spelled(of)
        raise AssertionError(of)

    def declaration(self, of: Type, name: str) -> tuple[str, str]:
        match of:
            case Record(_, members, traits) if traits & CLASSES:
                return self.class_declaration(members, traits, name), name
            case Record():
                return super().declaration(of, name)[0], name
            case Enum(scalar, numbers) if scalar.size != 4:
                inner = ", ".join(f"{name}e{i} = {v}" for i, v in enumerate(numbers))
                return f"enum class {name} : {scalar.spelling} {{ {inner} }};", name
            case Enum():
                return super().declaration(of, name)[0], name
            case _:
                return super().declaration(of, name)

    def class_declaration(self, members: Sequence[Member], traits: frozenset[str], name: str) -> str:
        """A class with a constructor and, by its traits, a base, a copy constructor, a destructor."""
        count = len(members) // 2 if "derived" in traits else 0
        text, base = "", ""
        if count:
            text = f"struct {name}b {{ {' '.join(map(self.member, members[:count]))} }};\n"
            base = f" : public {name}b"
        inner = " ".join(map(self.member, members[count:]))
        given = ", ".join(f"{self.spelled(m.type)} {m.name}_" for m in members)
        initial = [f"{name}b{{ {', '.join(f'{m.name}_' for m in members[:count])} }}"] if count else []
        initial += [f"{m.name}({m.name}_)" for m in members[count:]]
        inner += f" {name}({given}){' : ' if initial else ''}{', '.join(initial)} {{}}"
        if "nontrivial" in traits:
            copied = [f"{name}b(o)"] * bool(count) + [f"{m.name}(o.{m.name})" for m in members[count:]]
            inner += f" {name}(const {name} &o){' : ' if copied else ''}{', '.join(copied)} {{}}"
            inner += f" ~{name}() {{ tk_sink = (void *)this; }}"
        if "virtual" in traits:
            inner += " virtual long method() { return 1; }"
        return f"{text}class {name}{base} {{ public: {inner} }};"

    # Values

    def braced(self, spelling: str, inside: str) -> str:
        if any(spelling == s for t, s in self.declared.items() if isinstance(t, Array)):
            return f"({spelling}){{ {inside} }}"
        return f"{spelling}{{ {inside} }}"

    def build_record(
        self, of: Record, members: Sequence[Member], path: Path, access: str, rows: Rows, row: str
    ) -> Built:
        if of.traits & CLASSES:
            parts, checks = self.members(members, path, access, rows, row)
            inside = ", ".join(p.partition(" = ")[2] for p in parts)
            return Built(f"{self.spelled(of)}({inside})", tuple(checks))
        return super().build_record(of, members, path, access, rows, row)

    def build_special(self, of: Type, path: Path, access: str, rows: Rows, row: str) -> Built:
        assert isinstance(of, Special)
        spelled = self.spelled(of)
        match of.form, of.inner:
            case (("reference" | "const-reference" | "rvalue-reference"), (inner,)):
                return self.reference(of.form, inner, path, access, rows, row)
            case "string_view" | "span", _:
                data = rows.leaf(POINTER, (*path, "~_M_str" if of.form == "string_view" else "~_M_ptr"))
                size = "~_M_len" if of.form == "string_view" else "~_M_extent_value"
                count = rows.leaf(SIZE, (*path, size), limit=1 << 40)
                element = "char" if of.form == "string_view" else self.spelled(of.inner[0])
                checks = (
                    f"{access}.size() != c->{count}",
                    f"(void *){access}.data() != (void *)(tk_data + c->{data})",
                )
                return Built(f"{spelled}((const {element} *)(tk_data + {row}->{data}), {row}->{count})", checks)
            case "string", _:
                count = rows.leaf(SIZE, (*path, "_M_string_length"), choices=(16, 17, 40, 99, 200))
                name = self.local(f"std::string @({row}->{count}, 'x');")
                self.note(rows.dyn((*path, "~_M_p")), f"{name}.data()")
                return Built(f"std::move({name})", (f"{access}.size() != c->{count}",))
            case "vector", _:
                count = rows.number("size_t", [str(3 * i + 1) for i in range(ROWS)])
                name = self.local(f"{spelled} @({row}->{count});")
                self.note(rows.dyn((*path, "~_M_start")), f"{name}.data()")
                self.note(rows.dyn((*path, "~_M_finish")), f"({name}.data() + {name}.size())")
                return Built(f"std::move({name})", (f"{access}.size() != c->{count}",))
            case "shared_ptr" | "unique_ptr", (inner,):
                name = self.local(f"{spelled} @(new {self.spelled(inner)}());")
                if of.form == "shared_ptr":
                    self.note(rows.dyn((*path, "~_M_ptr")), f"{name}.get()")
                return Built(f"std::move({name})", (f"{access}.get() == nullptr",))
            case "pair", (first, second):
                one = self.build(first, (*path, "first"), f"{access}.first", rows, row, frozenset())
                two = self.build(second, (*path, "second"), f"{access}.second", rows, row, frozenset())
                return Built(f"{spelled}({one.expression}, {two.expression})", one.checks + two.checks)
            case "optional", (inner,):
                return self.optional(spelled, inner, path, access, rows, row)
            case "complex", _:
                return self.complex(path, access, rows, row)
            case "nullptr_t", _:
                return Built("nullptr")
            case "member-function", _:
                return Built("&tk_holder::method")
            case "member", _:
                return Built("&tk_holder::data")
        raise AssertionError(of)

    def local(self, declaration: str) -> str:
        """Declares a variable of the caller, and returns its name."""
        name = f"o{len(self.before_call)}"
        self.before_call.append(declaration.replace("@", name, 1))
        return name

    def note(self, index: int, what: str) -> None:
        """Has the caller write an address into ``tk_dyn``."""
        self.before_call.append(f"tk_dyn[{index}] = (unsigned long){what};")

    def reference(self, form: str, inner: Type, path: Path, access: str, rows: Rows, row: str) -> Built:
        """A reference to a variable of the caller."""
        scratch = Rows(f"{self.seed}-referenced", Function(0, ()), rows.literal)
        scratch.fields, scratch.seed = rows.fields, rows.seed
        built = self.build(inner, (*path, "*"), access, scratch, row, frozenset())
        name = self.local(f"{self.spelled(inner)} @ = {built.expression};")
        self.note(rows.dyn(path), f"&{name}")
        return Built(f"std::move({name})" if form == "rvalue-reference" else name, built.checks)

    def optional(self, spelled: str, inner: Type, path: Path, access: str, rows: Rows, row: str) -> Built:
        """An optional value that is there in some calls."""
        rng = rows.rng("engaged", *path)
        engaged = [rng.randint(0, 1) for _ in range(ROWS)]
        flag = rows.number("int", [str(e) for e in engaged])
        before = rows.counts()
        built = self.build(inner, (*path, "~_M_value"), f"(*{access})", rows, row, frozenset())
        for index, there in enumerate(engaged):
            if not there:
                del rows.truth[index][before[index] :]
            rows.expect(Expected((*path, "~_M_engaged"), Truth.BITS, there, 1), frozenset({index}))
        checks = [f"{access}.has_value() && {check}" for check in built.checks]
        expression = f"({row}->{flag} ? {spelled}({built.expression}) : {spelled}())"
        return Built(expression, (f"{access}.has_value() != c->{flag}", *checks))

    def complex(self, path: Path, access: str, rows: Rows, row: str) -> Built:
        """A ``std::complex<double>``."""
        pairs = [[values.real(rows.rng(*path, i, part)) for part in "ri"] for i in range(ROWS)]
        names = [rows.number("double", [pair[part].hex() for pair in pairs]) for part in (0, 1)]
        for index, pair in enumerate(pairs):
            (low, _), (high, _) = (values.real_bits(Kind.FLOAT, part, 8) for part in pair)
            expected = Expected((*path, "_M_value"), Truth.BITS, low | high << 64, (1 << 128) - 1)
            rows.expect(expected, frozenset({index}))
        checks = tuple(f"{access}.{f}() != c->{n}" for f, n in zip(("real", "imag"), names, strict=True))
        return Built(f"std::complex<double>({row}->{names[0]}, {row}->{names[1]})", checks)

    # Functions

    def function(self, function: Function) -> tuple[str, Rows]:
        text, rows = super().function(function)
        if _has_this(function):
            since = rows.counts()
            rows.dyn(("this",))  # the last one, as the caller counts
            rows.mark_read(since, (), all_of_it=False)  # no body uses it
        return text, rows

    def head(self, function: Function) -> str:
        names = [self.spelled(p.type) for p in function.parameters]
        result = "void" if function.result is None else self.spelled(function.result)
        parameters = [self.parameter(p) for p in function.parameters]
        before = ""
        if "template" in function.traits:
            spelled = names[:2]
            parameters[: len(spelled)] = [f"T{i} {p.name}" for i, p in enumerate(function.parameters[:2])]
            before = f"template <{', '.join(f'class T{i}' for i in range(len(spelled)))}> " if spelled else ""
        if "variadic" in function.traits and parameters:
            parameters.append("...")
        how = "noinline, noipa" if "noipa" in function.traits else "noinline"
        attributes = f"__attribute__(({how}))"
        inside = ", ".join(parameters)
        if "lambda" in function.traits:
            return f"auto {function.name} = [=]({inside}) {attributes} -> {result}"
        if "constructor" in function.traits:
            return f"{attributes} {function.name}::{function.name}({inside})"
        static = "static " if "static" in function.traits and not _has_this(function) else ""
        owner = f"c_{function.name}::" if "method" in function.traits else ""
        const = " const" if "method" in function.traits and "constant" in function.traits else ""
        return f"{before}{static}{attributes} {result} {owner}{function.name}({inside}){const}"

    def callee(self, function: Function, checks: list[str], result: Built | None, table: str) -> list[str]:
        body = self.body(function, checks, None if "constructor" in function.traits else result, table)
        head, traits, name = self.head(function), function.traits, function.name
        start = ["namespace {"] if "static" in traits and _has_this(function) else []
        start += [f"namespace space_{name} {{"] if "namespace" in traits else []
        end = ["}"] * len(start)
        if "namespace" in traits:
            end.append(f"using namespace space_{name};")
        if "lambda" in traits:
            self.body_of_lambda = [f"{head} {{", *body, "};"]
            return []
        if "method" in traits:
            virtual = "virtual " if "virtual" in traits else ""
            declared = head.replace(f"c_{name}::", "")
            text = [
                f"class c_{name} {{ public: long m; {virtual}{declared}; }};",
                f"c_{name} self_{name}[{ROWS}];",
            ]
            return [*start, *text, f"{head} {{", *body, "}", *end]
        if "constructor" in traits:
            declared = head.partition("::")[2]
            text = [f"struct {name} {{ long m; {declared}; }};", f"alignas(64) char self_{name}[{ROWS}][64];"]
            return [*start, *text, f"{head} {{", *body, "}", *end]
        return [*start, f"{head} {{", *body, "}", *end]

    def call(self, function: Function, arguments: list[str]) -> str:
        call = super().call(function, arguments)
        if "constructor" in function.traits:
            return f"new (self_{function.name}[i]) {call}"
        if "method" in function.traits:
            return f"self_{function.name}[i].{call}"
        if "template" in function.traits and function.parameters:
            types = ", ".join(self.spelled(p.type) for p in function.parameters[:2])
            return call.replace(function.name, f"{function.name}<{types}>", 1)
        return call

    def caller(self, function: Function, before: list[str], arguments: list[str], table: str) -> list[str]:
        if _has_this(function):
            index = sum(line.startswith("tk_dyn[") for line in before)
            before = [*before, f"tk_dyn[{index}] = (unsigned long)&self_{function.name}[i];"]
        lines = super().caller(function, before, arguments, table)
        if "lambda" in function.traits:
            lines[0] = lines[0].replace("call_", "lam_")
            lines = [lines[0], *self.body_of_lambda, *lines[1:]]
            lines += [f"static void call_{function.name}(void) {{ lam_{function.name}(); }}"]
        return lines


def _has_this(function: Function) -> bool:
    return bool({"method", "constructor"} & function.traits)
