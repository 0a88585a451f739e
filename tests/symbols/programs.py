"""Sources of the programs that the tests of symbols build, and the tools to build them."""

from __future__ import annotations

import os
import shutil

from tests.installed import needed

SAMPLE = r"""
#include <stdlib.h>
volatile int sink;
int cache;
static __attribute__((noinline)) int hidden(int x) { return sink += x; }
__attribute__((noinline)) int insert(int x) { return hidden(x) + 1; }
__attribute__((noinline)) int cache_insert(int x) { return insert(x) + 2; }
__attribute__((noinline)) int cache_remove(int x) { return insert(x) + 3; }
int also_remove(int x) __attribute__((alias("cache_remove")));
int clone(int x) __asm__("cache_insert.constprop.0");
int clone(int x) { return sink - x; }
int rest(int x) __asm__("cache_insert.cold");
int rest(int x) { return sink - x; }
int method(int x) __asm__("\"main.(*T).M\"");
int method(int x) { return sink * x; }
int big_method(int x) __asm__("\"main.(*BigT).M\"");
int big_method(int x) { return sink * 2 * x; }
int odd(int x) __asm__("\"odd\xff name\"");
int odd(int x) { return sink / x; }
static int one(int x) { return x + 1; }
static int (*choose(void))(int) { return one; }
int chosen(int x) __attribute__((ifunc("choose")));
__asm__(".text\n.globl untyped\nuntyped: ret\n.previous");
int main(int argc, char **argv) {
  if (argc > 99) abort();
  return cache_insert(argc) + also_remove(argc) + chosen(1);
}
"""


def tool(name: str) -> str:
    """A tool's path; the test is skipped, with what to install, where it is missing."""
    needed(name)
    path = shutil.which(name)
    assert path
    return path


GO_SAMPLE = """
package main

import "os"

type T struct{ n int }

//go:noinline
func (t *T) M(x int) int { return t.n + recursive(x) }

//go:noinline
func recursive(x int) int {
	if x == 0 {
		return 0
	}
	return 1 + recursive(x-1)
}

//go:noinline
//go:nosplit
func unchecked(x int) int { return x + 1 }

%s

func main() {
	t := &T{unchecked(1)}
	n := t.M(len(os.Args)) + %s
	println(n)
}
"""

GO_FRAMES = (0, 50, 64, 100, 120, 500, 1000, 1900, 1960, 2000, 2047, 2100, 4000, 16000, 33000, 60000)
"""Sizes of arrays that the sample's functions have twice in their frames: all forms of the check occur."""


def go_programs() -> list[str]:
    """Go's program, and those of other versions that the variable TRACEKIT_TEST_GO lists, split by colons."""
    return ["go", *filter(None, os.environ.get("TRACEKIT_TEST_GO", "").split(":"))]
