"""What the debug information of C says, by several compilers and versions of DWARF."""

import subprocess

import pytest
from tests.symbols.dwarf.asking import behind, field, parameter, places, spelled
from tests.symbols.programs import tool

from tracekit.core.signature import Language
from tracekit.core.source import Alias, Array, Base, Encoding, Enumeration, Function, Pointer, Record, Void

BUILDS = [
    (compiler, f"-O{level}", f"-gdwarf-{version}")
    for compiler in ("gcc", "clang")
    for level in (0, 2)
    for version in (4, 5)
]


@pytest.fixture(params=BUILDS, ids="".join)
def program(request, c_sample):
    """The C program, by each compiler."""
    return c_sample(*request.param)


def test_layouts_are_those_of_the_program(program, signature):
    """Every member is where the running program says that it is, bit-fields and anonymous members too."""
    found = signature(program, "nodes")
    node = behind(found.types, parameter(found, "node"))
    roots = {
        "node_t": node,
        "struct inner": {f.name: f.type for f in found.types.resolved(node).fields}["inner"],
        **{f"struct {n}": behind(found.types, parameter(found, n)) for n in ("bits", "packed", "aligned")},
    }
    said = subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()
    assert len(said) == 32
    assert said[0].split() == ["node_t", str(found.types.size(node))]
    for line in said[1:]:
        what, first, second = line.replace(" bits ", " bits_").rsplit(" ", 2)
        root, path = what.split(".")
        at, size, bits = field(found.types, roots[root], path)
        if first.startswith("bits_"):
            assert (at, bits) == (int(first.removeprefix("bits_")), int(second)), line
        else:
            assert (at, size, bits) == (8 * int(first), int(second), None), line


def test_signatures(program, signature):
    """Names, types, results, the source's place, and whether there are more arguments, are as in the source."""
    take, many, old = (signature(program, name) for name in ("take", "many", "old"))
    assert [s.replace("long int", "long") for s in spelled(take)] == [
        "k: int", "value: pair", "wide: wide", "d: double",
        "s1: long", "s2: long", "s3: long", "s4: long", "s5: signed char",
    ]  # fmt: skip
    assert take.types.spelled(take.result) == "int"
    assert (take.language, take.name, take.symbol, take.local) == (Language.C, "take", "take", False)
    assert (take.file.rpartition("/")[2], take.line, take.variadic, take.nocall) == (
        "part0.c",
        29,
        False,
        None,
    )
    assert take.producer
    assert many.variadic
    assert spelled(many) == ["format: const char *"]
    # What a caller passes for a float that it doesn't know of is a double.
    assert spelled(old) == ["a: char", "b: double"]


def test_types(program, signature):
    """Each kind of type becomes what it is, and what isn't known is void."""
    found = signature(program, "nodes")
    types = found.types
    node = types.resolved(behind(types, parameter(found, "node")))
    assert isinstance(node, Record) and node.name == "node"
    kinds = {f.name: types.resolved(f.type) for f in node.fields}
    assert kinds["next"] == Pointer(behind(types, parameter(found, "node")))
    assert types.resolved(kinds["unknown"].target) == Void("opaque")
    assert kinds["any"] == Pointer(0)
    assert types.resolved(kinds["call"].target) == Function()
    rows = kinds["grid"]
    assert isinstance(rows, Array) and (rows.count, rows.stride) == (3, 20)
    inner = types[rows.element]
    assert isinstance(inner, Array) and (inner.count, inner.stride) == (5, 4)
    assert kinds["colour"] == Enumeration("colour", 4, False, {1: "RED", 5: "GREEN", 200: "BLUE"})
    assert kinds["level"] == Enumeration("level", 4, True, {-3: "LOW", 3: "HIGH"})
    assert (kinds["z"].size, kinds["z"].encoding) == (16, Encoding.COMPLEX)
    assert (kinds["big"].size, kinds["big"].encoding) == (16, Encoding.SIGNED)
    assert kinds["ld"] == Base("long double", 16, Encoding.FLOAT)
    assert types.resolved(kinds["ubig"].target).encoding is Encoding.UNSIGNED
    assert kinds["word"].kind.value == "union"
    flexible = types.resolved(behind(types, parameter(found, "flexible")))
    assert types.resolved(flexible.fields[1].type).count is None
    vector = types.resolved(parameter(found, "vector"))
    assert (vector.vector, vector.count, vector.stride) == (True, 4, 4)
    assert isinstance(types[parameter(found, "node")], Pointer)
    assert isinstance(types[behind(types, parameter(found, "node"))], Alias)
    volatile = types[kinds["v"].target]
    assert isinstance(volatile, Alias) and volatile.name == "volatile" and volatile.qualifier


def test_numbers_start_at_one(program, signature):
    """Types have the numbers from 1 on without gaps, so that a signature is small when it is stored."""
    table = signature(program, "nodes").types.table
    assert sorted(table) == list(range(1, len(table) + 1))


@pytest.mark.parametrize("version", [4, 5])
def test_places_of_optimised_gcc(version, c_sample, signature):
    """gcc -O2 says where all arguments are, those on the stack counted from the entry's stack pointer."""
    assert places(signature(c_sample("gcc", "-O2", f"-gdwarf-{version}"), "take")) == {
        "k": "0+4:rdi", "value": "0+8:rsi 8+8:rdx", "wide": "0+40:stack+8", "d": "0+8:xmm0",
        "s1": "0+8:rcx", "s2": "0+8:r8", "s3": "0+8:r9", "s4": "0+8:stack+48", "s5": "0+1:stack+56",
    }  # fmt: skip


@pytest.mark.parametrize("version", [4, 5])
def test_places_of_optimised_clang(version, c_sample, signature):
    """Of clang -O2 the registers are used; stack offsets, which hold only after the prologue, are not."""
    found = places(signature(c_sample("clang", "-O2", f"-gdwarf-{version}"), "take"))
    assert found | {"value": ""} == {
        "k": "0+4:rdi", "value": "", "wide": None, "d": "0+8:xmm0",
        "s1": "0+8:rcx", "s2": "0+8:r8", "s3": "0+8:r9", "s4": None, "s5": None,
    }  # fmt: skip
    assert found["value"] == "8+4:rdx", "the unused half was dropped, and four bytes are read"


@pytest.mark.parametrize("version", [4, 5])
def test_places_without_optimisation(version, c_sample, signature):
    """Unoptimised code has its arguments in a frame that isn't there yet; gcc's stack arguments can be used."""
    found = places(signature(c_sample("gcc", "-O0", f"-gdwarf-{version}"), "take"))
    assert {n: p for n, p in found.items() if p} == {"wide": "0+40:stack+8", "s4": "0+8:stack+48"}
    take = signature(c_sample("clang", "-O0", f"-gdwarf-{version}"), "take")
    assert not any(places(take).values())
    assert {p.unusable for p in take.parameters} == {
        "its place is counted from a register that the function sets after its entry"
    }


def test_what_tells_whether_code_is_optimised(c_sample, debug_of):
    """Both compilers' words, flags or frames tell; of gcc without its options in its words nothing does."""
    for compiler in ("gcc", "clang"):
        for version in (4, 5):
            for flags, plain in (
                (["-O0"], True),
                (["-O2"], False),
                (["-O2", "-fno-omit-frame-pointer"], False),
                (["-Og"] if compiler == "gcc" else ["-O1"], False),
            ):
                debug, address = debug_of(c_sample(compiler, *flags, f"-gdwarf-{version}"), "take")
                assert debug.is_unoptimised(address) is plain, (compiler, flags, version)
    debug, address = debug_of(c_sample("gcc", "-O0", "-g", "-gno-record-gcc-switches"), "take")
    assert debug.is_unoptimised(address) is None


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_prologue_end_is_where_gdb_stops(compiler, c_sample, debug_of):
    """Of unoptimised code, the end of the prologue is the address at which gdb breaks on the name."""
    path = c_sample(compiler, "-O0", "-g", "-no-pie")
    command = [tool("gdb"), "-nx", "-batch", "-ex", "break take", path]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    debug, address = debug_of(path, "take")
    end = debug.prologue_end(address)
    assert f"Breakpoint 1 at {end:#x}" in said, said


def test_inlined_copies_are_counted(c_sample, build, signature):
    """Copies of a function in others of its unit are counted."""
    path = build(
        "volatile long sink; __attribute__((noinline)) long keep(long x);"
        "inline long twice(long x) { return sink += 2 * x; } extern long twice(long);"
        "long keep(long x) { return sink -= x; }"
        "int main(int c, char **v) { return (int)(twice(c) + twice(c + 1) + keep(1) + keep(c)) & 0; }",
        "-O2", "-g",
    )  # fmt: skip
    assert signature(path, "twice").inlined == 2
    assert signature(path, "keep").inlined == 0


def test_a_type_that_is_pointed_at_before_it_is_passed(build, signature):
    """A type that an earlier parameter points at is known as a whole when a later one is of it."""
    path = build(
        "struct pair { long a, b; }; volatile long sink;"
        "__attribute__((noinline)) long take(struct pair *p, struct pair v)"
        "{ return sink += p->b + v.a + v.b; }"
        "int main(int c, char **v) { struct pair p = {c, c}; return (int)take(&p, p) & 0; }",
        "-O1", "-g",
    )  # fmt: skip
    assert places(signature(path, "take")) == {"p": "0+8:rdi", "v": "0+8:rsi 8+8:rdx"}


def test_equal_signatures_are_equal(c_sample, debug_of):
    """In different binaries of one source, a function has the same types under the same numbers."""
    first, address = debug_of(c_sample("gcc", "-O2", "-gdwarf-5"), "nodes")
    again, other = debug_of(c_sample("gcc", "-O2", "-gdwarf-4"), "nodes")
    one = first.signature(address, "nodes", local=False)
    two = again.signature(other, "nodes", local=False)
    assert (one.types, one.parameters) == (two.types, two.parameters)
