"""Sources of programs whose functions have names of all kinds, and how the tests ask for them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tracekit.core.probe import FunctionName
from tracekit.errors import AmbiguousFunctionError, FunctionNotFoundError
from tracekit.symbols.function import Function
from tracekit.symbols.functions import find
from tracekit.symbols.image import Image

CXX = r"""
#include <functional>
#include <string>
#include <vector>
#define KEEP __attribute__((noinline, used))
volatile long sink;
struct Cache {
  KEEP Cache(int x) { sink += x; }
  KEEP virtual ~Cache() { sink--; }
  KEEP int insert(int x) { return sink += x; }
  KEEP int insert(unsigned long a, const char *b) { return sink += a + *b; }
  KEEP int get() { return sink; }
  KEEP int get() const { return sink + 1; }
  KEEP bool operator()(int x) { return sink + x; }
  KEEP operator bool() const { return sink; }
  KEEP operator const char *() const { return (const char *)sink; }
  KEEP Cache &operator<<(int x) { sink += x; return *this; }
  KEEP static int make(int x) { return sink + x; }
};
namespace ns {
KEEP int f(int x) { return sink += x; }
namespace { KEEP int hidden(int x) { return sink -= x; } }
struct Outer { struct Inner { KEEP void deep() { sink++; } }; };
struct Cache { KEEP int insert(char x) { return sink += x; } };
KEEP int use(int x) { return hidden(x); }
}
template <class T> struct Vec {
  KEEP void push(T x) { sink += x; }
  template <class U> KEEP U convert(T x) { return U(x) + sink; }
};
template <class T, int K> KEEP T scale(T x) { return x * K + sink; }
KEEP int over(const std::vector<int> &v) { return v.size() + sink; }
KEEP int over(std::function<int(int)> f) { return f(1); }
KEEP int over(int (*f)(int)) { return f(1); }
KEEP int over(const std::string &s, unsigned u) { return s.size() + u; }
KEEP int over(const char *const *p, volatile int &q, int &&r) { return sink; }
KEEP int over(size_t a, ...) { return sink + a; }
KEEP long operator+(const Cache &a, long b) { return sink + b; }
KEEP static int local(int x) { return sink + x; }
KEEP std::string tagged() { return "x"; }
KEEP long operator""_km(unsigned long long x) { return x + sink; }
extern "C" KEEP int insert_c(int x) { return sink + x; }
int main(int c, char **v) {
  Cache k(c);
  struct Local { KEEP void run() { sink++; } };
  Local().run();
  auto lambda = [](int x) __attribute__((noinline)) { return x + sink; };
  const char *p = 0; int q = 0;
  return lambda(c) + Vec<int>().convert<double>(1) + scale<int, 3>(c) + over(&p, q, 3) + local(c) + (k + 1L) +
         (Vec<int>().push(1), Vec<long>().push(2), 0) + insert_c(1) + *(const char *)*v;
}
"""

RUST = r"""
use std::hint::black_box;
pub mod cache {
    use std::hint::black_box;
    pub struct Cache<T> { pub v: Vec<T> }
    impl<T: Copy + std::fmt::Debug> Cache<T> {
        #[inline(never)] pub fn store(&mut self, x: T) -> usize { self.v.push(x); black_box(self.v.len()) }
    }
    pub struct Plain;
    impl Plain {
        #[inline(never)] pub fn travel(&self, x: u32) -> u32 { black_box(x) + 1 }
    }
    pub trait Shape {
        fn area(&self) -> u32;
    }
    impl Shape for Plain { #[inline(never)] fn area(&self) -> u32 { black_box(3) } }
    impl Shape for u32 { #[inline(never)] fn area(&self) -> u32 { black_box(*self) } }
    impl<T> Shape for Cache<T> { #[inline(never)] fn area(&self) -> u32 { black_box(9) } }
}
use cache::*;
#[inline(never)] fn generic<T: std::fmt::Debug>(x: T) -> usize { black_box(format!("{:?}", x).len()) }
#[inline(never)] fn apply(f: &dyn Fn(u32) -> u32) -> u32 { black_box(f(black_box(3))) }
#[inline(never)] fn größe(x: u32) -> u32 { black_box(x) }
#[no_mangle] #[inline(never)] pub extern "C" fn exported(x: u32) -> u32 { black_box(x) }
fn main() {
    let n = std::env::args().count() as u32;
    let mut c = Cache { v: vec![] };
    let mut d = Cache { v: vec![] };
    let sum = c.store(n) + d.store(n as u64) + generic(n) + generic("x");
    let more = Plain.travel(n) + Plain.area() + n.area() + c.area() + apply(black_box(&|x| black_box(x + n)));
    println!("{} {} {}", sum, more, exported(n) + größe(n));
}
"""

GO = """
package main

import "os"

type Cache struct{ n int }

//go:noinline
func (c *Cache) Insert(x int) int { c.n += x; return c.n }

//go:noinline
func (c Cache) Get(x int) int { return c.n + x }

type Getter interface{ Get(int) int }

//go:noinline
func get(g Getter) int { return g.Get(2) }

type List[T any] struct{ v []T }

//go:noinline
func (l *List[T]) Push(x T) int { l.v = append(l.v, x); return len(l.v) }

type Pusher interface{ Push(int) int }

//go:noinline
func Map[T any](v []T, f func(T) T) int {
	for _, x := range v {
		f(x)
	}
	return len(v)
}

//go:noinline
func Pair[K comparable, V any](m map[K]V) int { return len(m) }

//go:noinline
func closing(x int) func() int { return func() int { return x + len(os.Args) } }

func main() {
	c := &Cache{1}
	l, m := &List[int]{}, &List[string]{}
	var p Pusher = l
	println(c.Insert(1), c.Get(1), get(c), get(*c), l.Push(1), m.Push("a"), p.Push(2), closing(1)())
	println(Map([]int{1}, func(x int) int { return x }), Map([]byte{1}, func(x byte) byte { return x }))
	println(Pair(map[string]int{}), Pair(map[int]string{}))
}
"""


def one(image: Image, name: str) -> Function:
    """The only function of a name, taken as it stands in quotes."""
    (function,) = find(image, FunctionName(name, exact=True))
    return function


def ambiguous(image: Image, name: str) -> AmbiguousFunctionError:
    """The error of a name that several functions have."""
    with pytest.raises(AmbiguousFunctionError) as caught:
        find(image, FunctionName(name, exact=True))
    assert caught.value.message.startswith(f"{image.path} has ")
    return caught.value


def missing(image: Image, name: str) -> FunctionNotFoundError:
    """The error of a name that no function has."""
    with pytest.raises(FunctionNotFoundError) as caught:
        find(image, FunctionName(name, exact=True))
    return caught.value


def pattern(image: Image, text: str) -> set[str]:
    """The symbols that a pattern finds."""
    return {f.name for f in find(image, FunctionName(text))}


def listed(error: AmbiguousFunctionError, *texts: str) -> bool:
    """Whether the candidates are as many as some texts, and have one each."""
    lines: Iterable[str] = error.candidates
    return len(error.candidates) == len(texts) and all(any(t in line for line in lines) for t in texts)
