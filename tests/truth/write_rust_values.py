"""Writes the types and values of Rust programs."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from tests.truth.model import (
    ROWS,
    Array,
    Enum,
    Expected,
    Kind,
    Member,
    Path,
    Record,
    Scalar,
    Special,
    Sum,
    Truth,
    Type,
)
from tests.truth.rows import ALL, Rows
from tests.truth.rust_words import SPELLINGS
from tests.truth.write_c_values import Built

USIZE = Scalar("usize", 8)
OFFSET = Scalar("usize", 8, Kind.POINTER)
_MEMBER = Member("", USIZE)
LONGEST = 1 << 38
"""Above every length, so that a slice of anything is still one that Rust allows."""


class RustValues:
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
                return f"[{self.spelled(element)}; {count}]"
            case Special(form, inner):
                return SPELLINGS[form].format(*map(self.spelled, inner))
            case Record("tuple", members):
                return f"({''.join(f'{self.spelled(m.type)}, ' for m in members)})"
        if of not in self.declared:
            self.count += 1
            name = f"T{self.count}"
            self.declarations.append(self.declaration(of, name))
            self.declared[of] = name
        return self.declared[of]

    def declaration(self, of: Type, name: str) -> str:
        """A type's declaration."""
        match of:
            case Record(form, members, traits):
                how = "".join(f"#[repr({t})] " for t in sorted(traits))
                if form == "tuple-struct":
                    inside = ", ".join(f"pub {self.spelled(m.type)}" for m in members)
                    return f"{how}pub struct {name}({inside});"
                inside = ", ".join(f"pub {m.name}: {self.spelled(m.type)}" for m in members)
                return f"{how}pub {form} {name} {{ {inside} }}"
            case Enum(scalar, numbers):
                inside = ", ".join(f"E{i} = {v}" for i, v in enumerate(numbers))
                derived = f"#[repr({scalar.spelling})] #[derive(Clone, Copy, PartialEq)]"
                return f"{derived} pub enum {name} {{ {inside} }}"
            case Sum(variants, repr_):
                how = f"#[repr({repr_})] " if repr_ else ""
                inside = ", ".join(f"V{i}{self.fields(v)}" for i, v in enumerate(variants))
                return f"{how}pub enum {name} {{ {inside} }}"
            case _:
                raise AssertionError(of)

    def fields(self, variant: Record) -> str:
        """What a variant holds."""
        if not variant.members:
            return ""
        return f"({', '.join(self.spelled(m.type) for m in variant.members)})"

    # Values

    def build(
        self, of: Type, path: Path, access: str, rows: Rows, row: str, active: frozenset[int] = ALL
    ) -> Built:
        """How a value of a type is made and checked."""
        match of:
            case Scalar(spelling, kind=Kind.POINTER):
                leaf = rows.leaf(OFFSET, path, active)
                made = f"data({row}.{leaf}) as {spelling}"
                return Built(made, (f"({{ {access} }}) as usize != data(c.{leaf}) as usize",))
            case Scalar():
                leaf = rows.leaf(of, path, active)
                return Built(f"{row}.{leaf}", (f"({{ {access} }}) != c.{leaf}",))
            case Enum(scalar, numbers):
                leaf = rows.leaf(scalar, path, active, choices=numbers)
                arms = "".join(f"{v} => {self.spelled(of)}::E{i}, " for i, v in enumerate(numbers))
                made = f"match {row}.{leaf} {{ {arms} _ => {self.spelled(of)}::E0 }}"
                return Built(f"({made})", (f"({{ {access} }}) as {scalar.spelling} != c.{leaf}",))
            case Record(form, members):
                step = "__{}" if form.startswith("tuple") else "{}"
                names = [str(i) if form.startswith("tuple") else m.name for i, m in enumerate(members)]
                if form == "union":
                    index = rows.rng("union", *path).randrange(len(members))
                    members, names = members[index : index + 1], names[index : index + 1]
                each = [
                    self.build(m.type, (*path, step.format(n)), f"{access}.{n}", rows, row, active)
                    for n, m in zip(names, members, strict=True)
                ]
                checks = tuple(c for b in each for c in b.checks)
                if form == "tuple":
                    return Built(f"({''.join(f'{b.expression}, ' for b in each)})", checks)
                if form == "tuple-struct":
                    return Built(f"{self.spelled(of)}({', '.join(b.expression for b in each)})", checks)
                inside = ", ".join(f"{n}: {b.expression}" for n, b in zip(names, each, strict=True))
                made = f"{self.spelled(of)} {{ {inside} }}"
                if form == "union":
                    return Built(made, tuple(f"unsafe {{ {c} }}" for c in checks))
                return Built(made, checks)
            case Array(element, count):
                each = [
                    self.build(element, (*path, i), f"{access}[{i}]", rows, row, active) for i in range(count)
                ]
                inside = ", ".join(b.expression for b in each)
                return Built(f"[{inside}]", tuple(c for b in each for c in b.checks))
            case Sum(variants):
                names = [f"V{i}" for i in range(len(variants))]
                return self.build_sum(
                    self.spelled(of), list(zip(names, variants, strict=True)), path, access, rows, row, active
                )
            case Special():
                return self.build_special(of, path, access, rows, row, active)

    def build_sum(
        self,
        spelled: str,
        variants: Sequence[tuple[str, Record]],
        path: Path,
        access: str,
        rows: Rows,
        row: str,
        active: frozenset[int],
    ) -> Built:
        """A value of an enum: in each call of some variant."""
        chosen = [rows.rng("variant", *path, i).randrange(len(variants)) for i in range(ROWS)]
        tag = rows.number("u32", [f"{n}u32" for n in chosen])
        arms, checks = [], []
        for number, (name, variant) in enumerate(variants):
            here = frozenset(i for i in active if chosen[i] == number)
            rows.expect(Expected(path, Truth.VARIANT, name=name, source=tag), here)
            inner, conditions = [], []
            for index, member in enumerate(variant.members):
                step = (*path, f"<{name}>", f"__{index}")
                built = self.build(member.type, step, f"(*x{len(path)}_{index})", rows, row, here)
                inner.append(built.expression)
                conditions += built.checks
            arms.append(f"{number} => {spelled}::{name}{'(' + ', '.join(inner) + ')' if inner else ''}")
            names = ", ".join(f"x{len(path)}_{i}" for i in range(len(inner)))
            pattern = f"{spelled}::{name}{'(' + names + ')' if inner else ''}"
            wrong = " || ".join([f"c.{tag} != {number}", *(f"({condition})" for condition in conditions)])
            checks.append(f"{pattern} => {wrong}")
        last = arms.pop().partition(" => ")[2]
        made = f"(match {row}.{tag} {{ {''.join(f'{a}, ' for a in arms)}_ => {last} }})"
        return Built(made, (f"match &{access} {{ {', '.join(checks)} }}",))

    def build_special(
        self, of: Special, path: Path, access: str, rows: Rows, row: str, active: frozenset[int]
    ) -> Built:
        """A value of a type of the language's library."""
        inner = self.spelled(of.inner[0]) if of.inner else ""

        def leaf(*steps: str, length: bool = False, room: bool = False) -> str:
            if length or room:
                return rows.leaf(USIZE, (*path, *steps), active, limit=LONGEST, floor=LONGEST if room else 0)
            return rows.leaf(OFFSET, (*path, *steps), active)

        match of.form:
            case "ref" | "mutref" | "box":
                name = leaf()
                pointer = f"(data({row}.{name}) as *mut {inner})"
                made = {
                    "ref": f"unsafe {{ &*{pointer} }}",
                    "mutref": f"unsafe {{ &mut *{pointer} }}",
                    "box": f"unsafe {{ Box::from_raw({pointer}) }}",
                }[of.form]
                return Built(made, (f"&*{access} as *const {inner} as usize != data(c.{name}) as usize",))
            case "slice" | "mutslice" | "str":
                start, count = leaf("data_ptr"), leaf("length", length=True)
                mut = "_mut" if of.form == "mutslice" else ""
                element = inner or "u8"
                made = f"std::slice::from_raw_parts{mut}(data({row}.{start}) as *mut {element}, {row}.{count})"
                made = f"std::str::from_utf8_unchecked({made})" if of.form == "str" else made
                checks = (
                    f"{access}.len() != c.{count}",
                    f"{access}.as_ptr() as usize != data(c.{start}) as usize",
                )
                return Built(f"unsafe {{ {made} }}", checks)
            case "String" | "Vec":
                count = leaf("~len", length=True)
                room, start = leaf("~cap", room=True), leaf("~ptr")
                kind = "String" if of.form == "String" else f"Vec::<{inner}>"
                element = inner or "u8"
                pointer = f"data({row}.{start}) as *mut {element}"
                made = f"{kind}::from_raw_parts({pointer}, {row}.{count}, {row}.{room})"
                return Built(
                    f"unsafe {{ {made} }}",
                    (
                        f"{access}.len() != c.{count}",
                        f"{access}.capacity() != c.{room}",
                        f"{access}.as_ptr() as usize != data(c.{start}) as usize",
                    ),
                )
            case "option":
                some = Record("variant", (attrs.evolve(_MEMBER, type=of.inner[0]),))
                variants = [("None", Record("variant", ())), ("Some", some)]
                return self.build_sum("Option", variants, path, access, rows, row, active)
            case "result":
                both = [Record("variant", (attrs.evolve(_MEMBER, type=t),)) for t in of.inner]
                variants = list(zip(("Ok", "Err"), both, strict=True))
                spelled = f"Result::<{', '.join(map(self.spelled, of.inner))}>"
                built = self.build_sum(spelled, variants, path, access, rows, row, active)
                return attrs.evolve(built, checks=tuple(c.replace(spelled, "Result") for c in built.checks))
            case "dynref" | "dynbox":
                name = leaf("pointer")
                pointer = f"data({row}.{name}) as *mut u64"
                made = f"&*({pointer}) as &'static dyn TkTrait"
                if of.form == "dynbox":
                    made = f"Box::from_raw({pointer}) as Box<dyn TkTrait>"
                check = f"&*{access} as *const dyn TkTrait as *const u8 as usize != data(c.{name}) as usize"
                return Built(f"unsafe {{ {made} }}", (check,))
            case "fnptr":
                index = rows.dyn(path, active)
                self.count += 1
                name = f"callback{self.count}"
                self.declarations.append(f"fn {name}(x: i32) -> i32 {{ x + {self.count} }}")
                self.before_call.append(f"note({index}, {name} as usize);")
                return Built(f"{name} as fn(i32) -> i32", (f"({{ {access} }}) as usize != noted({index})",))
            case "nonzero":
                name = rows.leaf(Scalar("u32", 4), path, active, choices=(1, 77, 0x12345678, 0xFFFFFFFF))
                made = f"unsafe {{ std::num::NonZeroU32::new_unchecked({row}.{name}) }}"
                return Built(made, (f"({{ {access} }}).get() != c.{name}",))
            case "range":
                steps = [
                    (n, self.build(of.inner[0], (*path, n), f"{access}.{n}", rows, row, active))
                    for n in ("start", "end")
                ]
                checks = tuple(c for _, b in steps for c in b.checks)
                return Built(
                    f"std::ops::Range {{ {', '.join(f'{n}: {b.expression}' for n, b in steps)} }}", checks
                )
            case "unit":
                return Built("()")
            case _:
                raise AssertionError(of)
