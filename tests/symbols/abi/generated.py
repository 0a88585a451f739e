"""Random functions: C source, the signature that debug information would give, and values for the arguments."""

from __future__ import annotations

import random
import struct

import attrs

from tracekit.core.signature import Language, Parameter, Signature
from tracekit.core.source import (
    Array,
    Base,
    Encoding,
    Enumeration,
    Field,
    Pointer,
    Record,
    RecordKind,
    SourceType,
    TypeId,
    Types,
)
from tracekit.symbols.abi.layout import leaves

_S, _U, _F, _C = Encoding.SIGNED, Encoding.UNSIGNED, Encoding.FLOAT, Encoding.COMPLEX

LARGEST = 100
"""Bytes of the largest record, but for its padding: compilers copy larger ones by calling ``memcpy``."""


@attrs.frozen
class Kind:
    """A type that members and parameters can have.

    Attributes:
        number: the type's.
        spelled: as C writes it.
        size: bytes.
        align: bytes.
        integer: whether a bit-field can be of it.
    """

    number: TypeId
    spelled: str
    size: int
    align: int
    integer: bool = False


@attrs.frozen
class Case:
    """A generated function.

    Attributes:
        signature: as debug information would give it.
        image: the arguments' values, one behind the other.
        offsets: where each argument is in it.
        result_image: the result's value.
        text: its prototype, for messages.
    """

    signature: Signature
    image: bytes
    offsets: tuple[int, ...]
    result_image: bytes
    text: str


@attrs.define
class Generator:
    """Draws functions.

    Attributes:
        seed: determines them.
        machine: ``x86_64`` or ``aarch64``.
        producer: of the compiler that will compile them.
        wide: whether there are vectors of 32 bytes.
        apple: whether ``long double`` is ``double``, as on Apple's arm64; it is left out then.
    """

    seed: int
    machine: str
    producer: str
    wide: bool = False
    apple: bool = False
    language: Language = Language.C
    rng: random.Random = attrs.field(init=False)
    table: dict[TypeId, SourceType] = attrs.field(factory=dict)
    declarations: list[str] = attrs.field(factory=list)
    kinds: list[Kind] = attrs.field(factory=list)
    cases: list[Case] = attrs.field(factory=list)
    bodies: list[str] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        for name, size, encoding in (
            ("char", 1, _S), ("unsigned char", 1, _U), ("short", 2, _S), ("int", 4, _S), ("int", 4, _S),
            ("unsigned", 4, _U), ("long", 8, _S), ("long", 8, _S), ("unsigned long", 8, _U),
            ("_Bool", 1, Encoding.BOOL),
        ):  # fmt: skip
            self._scalar(name, Base(name, size, encoding), size, integer=True)
        for name, size in (("float", 4), ("float", 4), ("double", 8), ("double", 8), ("long double", 16)):
            if not (self.apple and size == 16):
                self._scalar(name, Base(name, size, _F), size)
        if self.machine == "x86_64":
            self._scalar("__float128", Base("_Float128", 16, _F), 16)
        for name, size in (("float", 8), ("double", 16), ("long double", 32)):
            if not (self.apple and size == 32):
                self._scalar(f"_Complex {name}", Base(f"complex {name}", size, _C), size, size // 2)
        self._scalar("__int128", Base("__int128", 16, _S), 16)
        self._scalar("void *", Pointer(0), 8)
        self.declarations.append("enum small { ZERO, ONE };")
        self._scalar("enum small", Enumeration("small", 4, False, {0: "ZERO", 1: "ONE"}), 4)
        for name, element, size in (
            ("float", 4, 8),
            ("float", 4, 16),
            ("char", 1, 16),
            ("double", 8, 16),
            ("int", 4, 8),
        ):
            self._vector(name, element, size)
        if self.wide:
            self._vector("float", 4, 32)

    def _add(self, found: SourceType) -> TypeId:
        number = len(self.table) + 1
        self.table[number] = found
        return number

    def _scalar(
        self, spelled: str, found: SourceType, size: int, align: int = 0, integer: bool = False
    ) -> None:
        self.kinds.append(Kind(self._add(found), spelled, size, align or size, integer))

    def _vector(self, name: str, element: int, size: int) -> None:
        base = next(n for n, t in self.table.items() if isinstance(t, Base) and t.name == name)
        spelled = f"v{name}{size}"
        self.declarations.append(f"typedef {name} {spelled} __attribute__((vector_size({size})));")
        self._scalar(spelled, Array(base, size // element, element, vector=True), size)

    def record(self, depth: int) -> Kind:
        """Draw a struct or union."""
        rng = self.rng
        number = self._add(Record("", 0, RecordKind.STRUCT))
        name, union = f"r{number}", rng.random() < 0.15
        packed = rng.random() < 0.1
        lines: list[str] = []
        fields: list[Field] = []
        asserts: list[str] = []
        at = end = 0  # bits
        align = 1
        same = self.kind(depth) if rng.random() < 0.3 else None
        member_aligned = False
        for index in range(rng.choice((0, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6))):
            kind = same or self.kind(depth)
            if union and fields and not same and "clang" in self.producer and max(kind.size, end // 8) > 8:
                continue  # clang may pass only a part of the larger member
            member, attribute = f"m{index}", ""
            if union:
                at = 0
            if not same and kind.integer and rng.random() < 0.25:
                width = 1 if kind.spelled == "_Bool" else rng.randint(1, 8 * kind.size)
                unit = 8 * kind.size
                if not packed:
                    align = max(align, kind.align)
                    if at // unit != (at + width - 1) // unit:
                        at = -(-at // (8 * kind.align)) * 8 * kind.align
                fields.append(Field(member, kind.number, at, width))
                lines.append(f"{kind.spelled} {member}:{width};")
                at += width
                end = max(end, at)
                continue
            count = rng.choice((1, 2, 2, 3, 4)) if rng.random() < 0.15 else None
            if at // 8 + kind.size * (count or 1) > LARGEST:
                continue
            wanted = 1 if packed else kind.align
            if rng.random() < 0.04 and not packed:
                wanted = max(wanted, rng.choice((8, 16, 32)))
                attribute = f" __attribute__((aligned({wanted})))"
                member_aligned |= wanted > kind.align
            align = max(align, wanted)
            at = -(-at // (8 * wanted)) * 8 * wanted
            found = kind.number if count is None else self._add(Array(kind.number, count, kind.size))
            fields.append(Field(member, found, at))
            suffix = "" if count is None else f"[{count}]"
            lines.append(f"{kind.spelled} {member}{suffix}{attribute};")
            asserts.append(f'_Static_assert(__builtin_offsetof(struct_{name}, {member}) == {at // 8}, "");')
            at += 8 * kind.size * (1 if count is None else count)
            end = max(end, at)
        attributes = ["packed"] if packed else []
        aligned = rng.random() < 0.06
        if aligned:
            align = max(align, rng.choice((2, 8, 16, 16, 32)))
            attributes.append(f"aligned({align})")
        size = -(-end // (8 * align)) * align
        word = "union" if union else "struct"
        self.table[number] = Record(
            name, size, RecordKind.UNION if union else RecordKind.STRUCT, tuple(fields),
            align if aligned or member_aligned else None,
        )  # fmt: skip
        suffix = f" __attribute__(({', '.join(attributes)}))" if attributes else ""
        self.declarations += [
            f"typedef {word} {name} {{ {' '.join(lines)} }}{suffix} struct_{name};",
            f'_Static_assert(sizeof(struct_{name}) == {size}, "");',
            *asserts,
        ]
        return Kind(number, f"struct_{name}", size, align)

    def kind(self, depth: int = 2) -> Kind:
        """Draw a type."""
        return self.record(depth - 1) if depth and self.rng.random() < 0.3 else self.rng.choice(self.kinds)

    def value(self, kind: Kind) -> bytes:
        """Draw a value, every bit of which may be set."""
        types = Types(self.table)
        data = bytearray(self.rng.randbytes(kind.size))
        for leaf in leaves(types, kind.number):
            match leaf.type:
                case Base(encoding=Encoding.BOOL) if leaf.bit_size is None:
                    data[leaf.offset] &= 1
                case Base(name, 16 | 32, Encoding.FLOAT | Encoding.COMPLEX) if "128" not in name:
                    for at in range(leaf.offset, leaf.offset + leaf.type.size, 16):
                        data[at + 7] |= 0x80  # x87's integer bit, without which it isn't a number
                        struct.pack_into("<H", data, at + 8, self.rng.randrange(0x3F00, 0x40FF))
        return bytes(data)

    def function(self) -> None:
        """Draw a function."""
        index = len(self.cases)
        many = self.rng.random() < 0.3
        kinds = [
            self.kind() if self.rng.random() < 0.7 else self.record(2)
            for _ in range(self.rng.randint(0, 12 if many else 6))
        ]
        result = self.kind() if self.rng.random() < 0.5 else self.record(2)
        image, offsets = bytearray(), []
        for kind in kinds:
            image += bytes(-len(image) % 64)
            offsets.append(len(image))
            image += self.value(kind)
        text = f"{result.spelled} f{index}({', '.join(k.spelled for k in kinds)})"
        arguments = ", ".join(
            f"*(const {k.spelled} *)(image + {at})" for k, at in zip(kinds, offsets, strict=True)
        )
        types = ", ".join(k.spelled for k in kinds) or "void"
        self.bodies.append(
            f"static void call{index}(const unsigned char *image, void (*callee)(void))\n"
            f"{{ (void)(({result.spelled} (*)({types}))callee)({arguments}); }}\n"
            f"static {result.spelled} give{index}(const void *a, const void *b)\n"
            f"{{ return *(const {result.spelled} *)b; }}"
        )
        signature = Signature(
            name=f"f{index}", symbol=f"f{index}", address=0, language=self.language, types=Types(self.table),
            parameters=tuple(Parameter(f"a{n}", k.number) for n, k in enumerate(kinds)),
            result=result.number, producer=self.producer,
        )  # fmt: skip
        self.cases.append(Case(signature, bytes(image), tuple(offsets), self.value(result), text))

    def source(self) -> str:
        """The C source of all functions that were drawn, with their values."""
        numbers = range(len(self.cases))
        callers = ", ".join(f"call{n}" for n in numbers)
        returners = ", ".join(f"(void (*)(void))give{n}" for n in numbers)
        return "\n".join(
            (
                *self.declarations,
                *self.bodies,
                *_images("image", [case.image for case in self.cases]),
                *_images("result_image", [case.result_image for case in self.cases]),
                f"void (*const callers[])(const unsigned char *, void (*)(void)) = {{{callers}}};",
                f"void (*const returners[])(void) = {{{returners}}};",
                f"const int count = {len(self.cases)};",
                "",
            )
        )


def _images(name: str, data: list[bytes]) -> list[str]:
    rows = [
        f"static const unsigned char {name}{n}[{max(1, len(d))}] __attribute__((aligned(64))) = "
        f"{{{','.join(map(str, d)) or '0'}}};"
        for n, d in enumerate(data)
    ]
    names = ", ".join(f"{name}{n}" for n in range(len(data)))
    return [*rows, f"const unsigned char *const {name}s[] = {{{names}}};"]
