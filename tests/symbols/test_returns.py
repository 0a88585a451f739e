"""Where functions return, by disassemblers, by known sources, and by bytes that are none."""

from __future__ import annotations

import re
import subprocess
from bisect import bisect_left
from collections import defaultdict

import attrs
import pytest
from tests.symbols.programs import tool
from tests.symbols.test_golang import every_go

from tracekit.core.probe import FunctionName
from tracekit.errors import BinaryError
from tracekit.symbols.function import Function, StackCheck
from tracekit.symbols.functions import find
from tracekit.symbols.golang import after_stack_check, check_abi_internal, is_go_function
from tracekit.symbols.image import open_image
from tracekit.symbols.instructions import is_function_start
from tracekit.symbols.lookup import defined
from tracekit.symbols.returns import begins_with_loop, returns

GO_LINE = re.compile(r"\s+\S+:-?\d+\s+0x([0-9a-f]+)\s+[0-9a-f]+\s+(\S.*)")
RETURN = re.compile(r"(?:rep |repz |bnd )*ret\b(?! x)|(?:REP; )?RET\s*$")
JUMP_LINE = re.compile(r"\s*([0-9a-f]+):\s+(?:\w+ )?j\w+\s+([0-9a-f]+)\b")
C_LINE = re.compile(r"\s*([0-9a-f]+):\s+(\S.*)")

ASSEMBLY = r"""
.text
.macro function name
.globl \name
.type \name, @function
\name:
.endm
function plain; inc %eax; ret; .size plain, . - plain
function popping; ret $16; .size popping, . - popping
function repeated; rep ret; bnd ret; .size repeated, . - repeated
function branches; test %eax, %eax; jz 1f; ret; 1: loop 1b; ret; .size branches, . - branches
function endless; 1: jmp 1b; .size endless, . - endless
function jumps; jz plain; ret; .size jumps, . - jumps
function indirect; jmp *%rax; .size indirect, . - indirect
function through_memory; jmp *8(%rdi); .size through_memory, . - through_memory
function far; lret; .size far, . - far
function split; test %edi, %edi; js split.cold; 2: ret; .size split, . - split
function split.cold; jz 2b; inc %eax; ret; .size split.cold, . - split.cold
function calls; call calls.cold; jmp calls.cold; .size calls, . - calls
function calls.cold; ret; .size calls.cold, . - calls.cold
function data; jmp 1f; .byte 0x48, 0xb8; 1: ret; nop; nop; nop; nop; nop; nop; nop; ret; .size data, . - data
function unknown; .byte 0x06, 0xc3; .size unknown, . - unknown
function cut; ret; .byte 0xe8; .size cut, . - cut
.globl main
main: xor %eax, %eax; ret
"""

LOOPS = r"""
volatile long sink;
#define PROBED __attribute__((noinline))
PROBED long rounds(long *p) { do { sink++; } while (*p++); return sink; }
PROBED void spins(volatile long *p) { while (*p); }
PROBED long counts(long n) { while (n > 0) { sink++; n -= 2; } return n; }
int main(void) { long z[] = {1, 0}; spins(z + 1); return rounds(z) + counts(5); }
"""

SWITCHES = r"""
volatile long sink;
typedef long (*fn)(long);
#define PROBED __attribute__((noinline, noclone))
PROBED long one(long x) { sink += x; return x + 1; }
PROBED long two(long x) { sink -= x; return x - 1; }
PROBED long by_switch(long x) {
  switch (x) {
  case 0: sink = 5; return one(1) + 1;
  case 1: sink++; return 3;
  case 2: return two(4) * 3;
  case 3: sink *= 2; return 8;
  case 4: sink ^= 3; return 44;
  case 5: return one(x) ^ 5;
  case 6: sink -= 9; return 17;
  }
  return -1;
}
PROBED long by_label(long x) {
  static const void *const labels[] = {&&a, &&b, &&c};
  goto *labels[x % 3];
a: sink = 1; return one(4) + 3;
b: sink++; return 7;
c: sink--; return two(2) ^ 4;
}
static const fn functions[] = {one, two, one, two};
PROBED long by_table(long x) { return functions[x & 3](x); }
PROBED long by_pointer(fn *f, long x) { return f[1](x); }
PROBED long by_name(long x) { return one(x + 1); }
int main(int n, char **words) {
  fn local[] = {one, two};
  return by_switch(n) + by_label(n) + by_table(n) + by_pointer(local, n) + by_name(n);
}
"""


@pytest.fixture(scope="module")
def assembly(build):
    """Functions that end in all ways, each in its own words."""
    return open_image(build(ASSEMBLY, "-no-pie", suffix=".s"))


def ends(image, name):
    """Offsets of a function's returns and tail jumps from its start."""
    (function,) = find(image, FunctionName(name, exact=True))
    found = returns(image, function)
    return [[a - function.address for a in group] for group in (found.addresses, found.tail_jumps)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain", [[2], []]),
        ("popping", [[0], []]),
        ("repeated", [[0, 2], []]),
        ("branches", [[4, 7], []]),
        ("endless", [[], []]),
        ("indirect", [[], [0]]),
        ("through_memory", [[], [0]]),
        ("far", [[], [0]]),
        ("calls", [[], [5]]),
    ],
)
def test_each_way_to_end_a_function(assembly, name, expected):
    """Returns with immediates and prefixes count; jumps out and indirect ones are told apart from them."""
    assert ends(assembly, name) == expected


def test_conditional_jumps_out_are_tail_jumps(assembly):
    """A branch to another function is a way out, and the return beside it is found."""
    (returned,), (jumped,) = ends(assembly, "jumps")
    assert jumped < returned


def test_a_cold_part_belongs_to_its_function(assembly):
    """Jumps into it and back stay inside, and its return counts; one that is called, too, is another's."""
    (split,) = find(assembly, FunctionName("split", exact=True))
    (cold,) = find(assembly, FunctionName("split.cold", exact=True))
    found = returns(assembly, split)
    assert found.tail_jumps == ()
    inside = [
        a in range(part.address, part.address + part.size) for part in (split, cold) for a in found.addresses
    ]
    assert inside == [True, False, False, True]


@pytest.mark.parametrize("name", ["data", "unknown", "cut"])
def test_bytes_that_are_no_instructions_are_refused(assembly, name):
    """Data between instructions, bytes that are none, a cut last one: a probe there would harm the target."""
    with pytest.raises(BinaryError, match="not known as instructions"):
        ends(assembly, name)


def test_what_is_no_whole_function_is_refused(assembly):
    """Without a size, or from an address inside, nothing tells where a function ends."""
    (main,) = find(assembly, FunctionName("main"))
    with pytest.raises(BinaryError, match="doesn't say how large main is"):
        returns(assembly, main)
    (plain,) = find(assembly, FunctionName("plain"))
    (inside,) = find(assembly, FunctionName(hex(plain.address + 2)))
    with pytest.raises(BinaryError, match="is inside plain"):
        returns(assembly, inside)
    assert [is_function_start(assembly, f) for f in (main, plain, inside)] == [True, True, False]


def test_a_function_start_in_a_stripped_binary(sample, stripped):
    """Where symbols are gone, the unwinder's table tells starts from other places."""
    image, bare = open_image(sample), open_image(stripped)
    (function,) = find(image, FunctionName("cache_remove"))
    starts = [is_function_start(bare, Function(hex(a), a, 0)) for a in (function.address, function.address + 4)]
    assert starts == [True, False]


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("flags", ["-O0", "-Os", "-O2", "-O2 -fPIE -pie", "-O2 -fcf-protection=full"])
def test_switches_are_told_from_tail_calls(build, compiler, flags):
    """Tables of labels keep a jump inside, tables of functions and pointers don't, however compiled."""
    tool(compiler)
    image = open_image(build(SWITCHES, "-w", *flags.split(), compiler=compiler))
    found = {name: ends(image, name) for name in ("by_switch", "by_label", "by_table", "by_pointer", "by_name")}
    assert found["by_switch"][0] and not found["by_switch"][1]
    if "-O0" in flags:
        assert all(found[name] == [found[name][0], []] for name in ("by_table", "by_pointer", "by_name"))
    else:
        assert found["by_label"][0] and not found["by_label"][1]
        assert all(not found[n][0] and len(found[n][1]) == 1 for n in ("by_table", "by_pointer", "by_name"))


def shown(*command):
    """The addresses of the return instructions that a disassembler shows, sorted."""
    text = subprocess.run([tool(command[0]), *command[1:]], check=True, capture_output=True, text=True).stdout
    rows = [m for line in text.split("\n") if (m := GO_LINE.match(line) or C_LINE.match(line))]
    return sorted({int(m[1], 16) for m in rows if RETURN.match(m[2])})


def sized(image):
    """The functions of a binary whose size is known, by their addresses."""
    return {
        row[4]: Function(table.name(row).decode(), row[4], row[5])
        for table, row in defined(image)
        if row[5] and image.is_code(row[4])
    }


def disagreeing(image, places):
    """Functions whose returns are not those shown; those that have tail jumps; how many have none."""
    wrong, jumping, clean = [], [], 0
    for function in sized(image).values():
        start, end = (bisect_left(places, a) for a in (function.address, function.address + function.size))
        try:
            found = returns(image, function)
        except BinaryError:
            continue
        if found.addresses != tuple(places[start:end]):
            wrong.append((function.name, found, places[start:end]))
        if found.tail_jumps:
            jumping.append(function.name)
        clean += not found.tail_jumps
    return wrong, jumping, clean


@every_go
def test_every_go_function_agrees_with_a_disassembler(build_go, go, architecture):
    """In a whole program every return instruction is found, and only assembly and wrappers jump out."""
    path = build_go(go, architecture)
    # Go's own disassembler doesn't know AVX, and loses its way there; binutils' knows its own machine only.
    command = ["objdump", "-d", "--no-show-raw-insn"] if architecture == "amd64" else [go, "tool", "objdump"]
    wrong, jumping, clean = disagreeing(open_image(path), shown(*command, path))
    assert wrong == []
    assert clean > 1000
    assert len(jumping) < 80
    assert not any(name.startswith("main.") for name in jumping)


@pytest.fixture(scope="module")
def libc():
    """The path of the C library."""
    linked = subprocess.run(["ldd", tool("ls")], check=True, capture_output=True, text=True).stdout
    return next(line.split()[2] for line in linked.split("\n") if "libc.so" in line)


def test_every_function_of_a_library_agrees_with_a_disassembler(libc):
    """In all of libc, return instructions are those that another disassembler shows."""
    wrong, jumping, clean = disagreeing(open_image(libc), shown("objdump", "-d", "--no-show-raw-insn", libc))
    assert wrong == []
    assert clean > 1000
    assert len(jumping) > 100


def test_loops_to_a_first_instruction_are_those_that_a_disassembler_shows(libc, build):
    """Found by their bytes first, jumps back to a start are the same as by decoding everything."""
    loops = build(LOOPS, "-O2", "-w", "-fcf-protection=none")
    found = {}
    for path in (libc, loops):
        image = open_image(path)
        text = subprocess.run(
            ["objdump", "-d", "--no-show-raw-insn", path], check=True, capture_output=True, text=True
        )
        rows = [m for line in text.stdout.split("\n") if (m := JUMP_LINE.match(line))]
        jumps = defaultdict(list)
        for row in rows:
            jumps[int(row[2], 16)].append(int(row[1], 16))
        for function in sized(image).values():
            own = range(function.address, function.address + function.size)
            inside = any(at in own for at in jumps[function.address])
            assert begins_with_loop(image, function) == inside, function
            found[function.name] = inside
    assert [found[name] for name in ("rounds", "spins", "counts")] == [True, True, False]
    assert sum(found.values()) < 20


def test_which_functions_of_a_go_program_are_go(build_go):
    """Go's convention is known of compiled functions; assembly that follows the old one is refused."""
    image = open_image(build_go("go", "amd64"))
    kinds = defaultdict(list)
    for function in sized(image).values():
        try:
            check = after_stack_check(image, function)
            check_abi_internal(image, function, check)
        except BinaryError:
            kinds["refused"].append(function.name)
        else:
            kinds[is_go_function(image, function)].append(function.name)
    assert all("." in name for name in kinds[True])
    assert {"main.recursive", "main.unchecked", "main.(*T).M", "runtime.mallocgc"} <= set(kinds[True])
    assert {"_rt0_amd64_linux"} <= set(kinds[False])
    assert {"runtime.morestack.abi0", "runtime.asmcgocall.abi0"} <= set(kinds["refused"])
    assert not any(name.startswith("main.") for name in (*kinds[False], *kinds["refused"]))


def test_go_before_its_register_convention_is_refused(build_go):
    """Where a binary doesn't say its version, only a check of the stack that has the new form is trusted."""
    image = open_image(build_go("go", "amd64"))
    old = attrs.evolve(image, go_version="")
    (function,) = find(image, FunctionName("main.recursive"))
    check_abi_internal(image, function, None)
    check_abi_internal(old, function, StackCheck(offset=6))
    with pytest.raises(BinaryError, match=r"doesn't say that it is of Go 1\.17"):
        check_abi_internal(old, function, None)
    arm = open_image(build_go("go", "arm64"))
    with pytest.raises(BinaryError, match=r"doesn't say that it is of Go 1\.17"):
        check_abi_internal(attrs.evolve(arm, go_version=""), function, StackCheck(offset=12))
