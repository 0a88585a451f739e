"""What a function's code reads of what it is called with."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.installed import needed

from tracekit.core.arch import X86_64, architecture
from tracekit.core.location import InRegister, OnStack
from tracekit.core.probe import FunctionName
from tracekit.symbols.function import Function
from tracekit.symbols.functions import find
from tracekit.symbols.golang import after_stack_check
from tracekit.symbols.image import Image, open_image
from tracekit.symbols.pointed import read_through
from tracekit.symbols.usage import EVERYTHING, Usage, usage

SOURCE = """
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
struct big { uint64_t w[5]; };
#define APART __attribute__((noinline))
APART long none(long a, struct big b, long c) { (void)b; return a * c; }
APART long some(long a, struct big b, long c) { return a * c + (long)b.w[2]; }
APART long escapes(long a, struct big b, long c) { for (long i = 0; i < a; i++) puts((char *)&b); return c; }
APART long own(long a, struct big b) { (void)b; long x[9]; sscanf("1", "%ld", &x[a & 7]); return x[a & 7]; }
APART void *tail(size_t size, int unused) { (void)unused; return malloc(size); }
APART void *calls(char *text, int unused) { (void)unused; puts(text); return text; }
APART long cleared(long a, long b) { return a ? 0 : b; }
APART long narrow(long a, long b) {
  (void)b; long c; __asm__("movb $1, %%sil; movzbl %%sil, %%eax" : "=a"(c) : : "rsi"); return a + c; }
APART long choice(long a, long b, long c, long d) {
  switch (a) {
    case 1: return b; case 2: return c * 3; case 3: return d / 5; case 4: return 7; case 5: puts("x");
  }
  return 3;
}
int main(int n, char **words) {
  struct big b = {{(uint64_t)n}};
  calls(words[0], n);
  free(tail((size_t)n, 1));
  long all = narrow(n, n) + none(n, b, n) + some(n, b, n) + escapes(n, b, n);
  return (int)(all + own(n, b) + cleared(n, 2) + choice(n, 2, 3, 4));
}
"""

ARM = """
.globl f
.type f, %function
f:
  stp x29, x30, [sp, #-48]!
  mov x29, sp
  str x19, [sp, #16]
  ldr w1, [sp, #48]
  ldrh w2, [x29, #56]
  ldrb w2, [sp, #65]
  ldp x3, x4, [sp, #72]
  ldr d0, [sp, #88]
  ldr q2, [sp, #96]
  ldrsw x5, [sp, #112]
  str x0, [sp, #120]
  fadd d3, d1, d1
  ubfiz x7, x3, #1, #3
  lsl x6, x6, #2
  ldp x29, x30, [sp], #48
  ret
.size f, . - f
"""

X86 = """
.globl undefined
.type undefined, @function
undefined:
  cmp $1, %rdi
  jne 1f
  mov $7, %esi
1: mov %rsi, (%rdx)
  ret
.size undefined, . - undefined
.globl later
.type later, @function
later:
  jmp *%rax
2: push %rbx
  mov 16(%rsp), %rax
  pop %rbx
  ret
.size later, . - later
.globl large
.type large, @function
large:
  mov $0x1f58, %eax
  call undefined
  sub %rax, %rsp
  mov %rdi, 0xee0(%rsp)
  add $0x1f58, %rsp
  ret
.size large, . - large
.globl pushed
.type pushed, @function
pushed:
  push %rbx
  mov $0x1f58, %eax
  call undefined
  sub %rax, %rsp
  mov %rdi, 0xee0(%rsp)
  add $0x1f58, %rsp
  pop %rbx
  ret
.size pushed, . - pushed
"""

GO = """
package main

import "fmt"

//go:noinline
func all(a, unused int, s string, f float64) string { return s + fmt.Sprint(a, f) }

//go:noinline
func some(unused *string, more ...int) string { return fmt.Sprint(more) }

//go:noinline
func leaf(a, unused int) int { return a + 1 }

func main() { fmt.Println(all(3, 2, "x", 1.5), some(nil, 2), leaf(1, 2)) }
"""


@pytest.fixture(scope="module", params=["gcc -O2", "gcc -O2 -fno-omit-frame-pointer", "clang -O2", "clang -Os"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The program, by several compilers."""
    folder = tmp_path_factory.mktemp("usage")
    (folder / "a.c").write_text(SOURCE)
    command = [*request.param.split(), "-w", "-o", folder / "a", folder / "a.c"]
    subprocess.run(command, check=True)
    return open_image(str(folder / "a"))


def used(image: Image, name: str) -> Usage:
    (function,) = find(image, FunctionName(name))
    return usage(image, function, X86_64.arguments)


def test_what_is_never_read(program: Image) -> None:
    """A struct on the stack that the code doesn't touch, and registers that it overwrites or ignores."""
    found = used(program, "none")
    assert not found.stack().may_read(8, 40)
    assert found.reads_register("rdi")
    assert found.reads_register("rsi")
    assert not found.reads_register("rdx")
    assert not used(program, "own").stack().may_read(8, 40)


def test_what_is_read(program: Image) -> None:
    """A member of it, found by stack or frame pointer; or the whole, if its address is taken."""
    some = used(program, "some")
    assert some.stack().may_read(24, 8)
    assert not some.stack().may_read(8, 8)
    assert used(program, "escapes").stack().may_read(8, 40)
    assert used(program, "cleared").reads_register("rsi")


def test_what_is_read_for_sure(program: Image) -> None:
    """What an instruction reads: neither what a call may hand on, nor what has been overwritten in part."""
    assert used(program, "none").certain >= {"rdi", "rsi"}
    assert "rdx" not in used(program, "none").certain
    assert "rdi" not in used(program, "calls").certain or "rsi" not in used(program, "calls").certain
    assert used(program, "narrow").certain == {"rdi"}
    assert used(program, "some").stack().surely_reads(24, 8)
    assert not used(program, "choice").stack().surely_reads(8, 8)


@pytest.mark.parametrize("options", ["-O2", "-Os", "-O2 -fno-omit-frame-pointer", "-O0"])
def test_what_places_in_the_frame_are_counted_from(tmp_path: Path, options: str) -> None:
    """LLVM counts from below the pushed registers and the room of the frame."""
    (tmp_path / "a.c").write_text(SOURCE)
    command = ["clang", *options.split(), "-w", "-o", tmp_path / "a", tmp_path / "a.c"]
    subprocess.run(command, check=True)
    bases = used(open_image(str(tmp_path / "a")), "own").bases
    assert bases["rsp"] <= -80
    assert bases.get("rbp", -8) == -8


def test_loads_of_arm64(tmp_path: Path) -> None:
    """They read as many bytes as their register has; stores read none."""
    needed("aarch64-linux-gnu-gcc")
    (tmp_path / "a.s").write_text(ARM)
    subprocess.run(["aarch64-linux-gnu-gcc", "-c", "-o", tmp_path / "a", tmp_path / "a.s"], check=True)
    subprocess.run(["aarch64-linux-gnu-ld", "-e", "f", "-o", tmp_path / "b", tmp_path / "a"], check=True)
    image = open_image(str(tmp_path / "b"))
    (function,) = find(image, FunctionName("f"))
    arch = architecture("aarch64")
    found = usage(image, function, (*arch.arguments, *arch.vectors))
    read = {(r.start, r.stop) for r in found.stack().read if r.start >= 0}
    assert read == {(0, 4), (8, 10), (17, 18), (24, 40), (40, 48), (48, 64), (64, 68)}
    assert found.bases == {"sp": -48, "x29": -48}
    assert found.certain == {"x0", "v1", "x6"}  # x7 is only written


def test_what_only_some_ways_set(tmp_path: Path) -> None:
    """LLVM reads a register that only some ways have set; nor can a frame be told that isn't reached."""
    (tmp_path / "a.s").write_text(X86)
    subprocess.run(["gcc", "-nostdlib", "-Wl,-e,later", "-o", tmp_path / "a", tmp_path / "a.s"], check=True)
    image = open_image(str(tmp_path / "a"))
    undefined, later = used(image, "undefined"), used(image, "later")
    assert undefined.certain == {"rdi", "rdx"}
    assert undefined.reads_register("rsi")
    assert undefined.bases["rsp"] == 0
    assert later.bases == {}


def test_large_frames(tmp_path: Path) -> None:
    """A call touches its room before it is made (rustc 1.63): places in it are not the caller's."""
    (tmp_path / "a.s").write_text(X86)
    subprocess.run(["gcc", "-nostdlib", "-Wl,-e,later", "-o", tmp_path / "a", tmp_path / "a.s"], check=True)
    image = open_image(str(tmp_path / "a"))
    assert used(image, "large").bases == {}
    assert used(image, "pushed").bases == {}


BEHIND = """
#include <stddef.h>
#ifdef __x86_64__
#define MANY long a, long b, long c, long d, long e, long f,
#else
#define MANY long a, long b, long c, long d, long e, long f, long g, long h,
#endif
struct big { long a, b, c, d; char e[16]; };
#define APART __attribute__((noinline))
__attribute__((noinline, noipa)) void sink(const void *);
APART long some(const struct big *p, long n) { return p->b * n + p->e[3]; }
APART long through_calls(const struct big *p, long n) {
  sink(NULL); long x = p->c; sink(NULL); return x + p->d * n; }
APART long escapes(const struct big *p) { sink(p); return p->a; }
APART long indexed(const struct big *p, long n) { return p->e[n]; }
struct real { double a, b; };
APART double real(const struct real *p) { return p->b; }
APART long slot(MANY const struct big *p) { sink(NULL); return p->c; }
APART long null(const struct big *p) { return p ? p->a : 0; }
APART void copied(const struct big *p, const struct big **q) { *q = p; }
APART long tail(const struct big *p) { sink(p); return 1; }
void sink(const void *p) { __asm__ volatile("" : : "r"(p) : "memory"); }
int main(void) { return 0; }
"""


@pytest.mark.parametrize("compiler", ["gcc", "clang", "aarch64-linux-gnu-gcc"])
@pytest.mark.parametrize("level", ["-O1", "-O2"])
def test_what_is_read_behind_a_pointer(tmp_path: Path, compiler: str, level: str) -> None:
    """Members that it reads, or a copy that outlives calls; nothing is known of one that gets away."""
    needed(compiler)
    (tmp_path / "a.c").write_text(BEHIND)
    command = [compiler, level, "-fno-inline", "-o", tmp_path / "a", tmp_path / "a.c"]
    subprocess.run(command, check=True)
    image = open_image(str(tmp_path / "a"))
    arguments, stack = architecture(image.machine).arguments, architecture(image.machine).stack_arguments

    def behind(name: str) -> set[int] | None:
        (function,) = find(image, FunctionName(name))
        pointer = OnStack(stack) if name == "slot" else InRegister(arguments[0])
        found = read_through(image, function, {pointer})
        return {at for r in found[pointer] for at in r} if pointer in found else None

    assert behind("some") == {*range(8, 16), 35}
    assert behind("through_calls") == {*range(16, 32)}
    assert behind("slot") == {*range(16, 24)}
    assert behind("real") == {*range(8, 16)}
    assert behind("null") == {*range(8)}
    assert [behind(name) for name in ("escapes", "indexed", "copied", "tail")] == [None] * 4


def test_what_is_not_known_counts_as_read(program: Image) -> None:
    """What may be handed on to another function, by a call or a jump, and what a table of jumps leads to."""
    assert used(program, "calls").reads_register("rsi")
    assert used(program, "tail").reads_register("rsi")
    choice = used(program, "choice")
    assert all(choice.reads_register(name) for name in ("rsi", "rdx", "rcx"))
    assert usage(program, Function("f", 0x1000, size=0), X86_64.arguments) == EVERYTHING


def test_what_go_reads(tmp_path: Path) -> None:
    """Behind its check of the stack: what the check's own branch stores doesn't count."""
    (tmp_path / "go.mod").write_text("module m\ngo 1.19\n")
    (tmp_path / "main.go").write_text(GO)
    subprocess.run(["go", "build", "-buildvcs=false", "-o", "m", "."], check=True, cwd=tmp_path)
    image = open_image(str(tmp_path / "m"))
    (function,) = find(image, FunctionName("main.some"))
    check = after_stack_check(image, function)
    assert check is not None
    found = usage(image, function, (*X86_64.go_integers, *X86_64.go_vectors), check.offset)
    assert found.registers is not None
    assert found.registers >= {"rbx", "rcx", "rdi"}
    assert not found.reads_register("rax")
