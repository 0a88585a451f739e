"""Programs whose functions take known values, which the tests of the rules find by the rules."""

from __future__ import annotations

CXX = """
#include <memory>
#include <string>
#include <string_view>
#include <utility>
struct Empty {};
struct Derived : Empty { int y; };
struct Destroyed { ~Destroyed() {} int x; };
struct Holder { Destroyed member; int k; };
struct Copied { Copied(const Copied &other) : a(other.a) {} Copied(int a) : a(a) {} int a; };
struct Defaulted { Defaulted(const Defaulted &) = default; Defaulted(int a) : a(a) {} int a; };
struct Virtual { virtual int f() { return 1; } int a; };
struct Base { long p; char q; };
struct Tail : Base { char r; short s; };
struct Large { long a, b, c; };
struct Method {
  int k;
  int with(int a, Derived d) { return k + a + d.y; }
  Large large(int a) { return {a, 2, 3}; }
};
enum class Color : short { RED = -9 };
#define N __attribute__((noinline))
N int trivial(Empty e, int a, Derived b, Defaulted c, int d) { return a + b.y + c.a + d; }
N int nontrivial(int a, Destroyed v, int b, Holder h, Copied c, Virtual w, int d)
{ return a + v.x + b + h.k + c.a + w.a + d; }
N int library(std::string s, int a, std::string_view v, int b, std::unique_ptr<int> p, std::pair<int, long> q,
              int c)
{ return s.size() + a + v.size() + b + *p + q.first + c; }
N int members(int (Derived::*f)(), int Derived::*d, std::nullptr_t n, const int &r, Color e, bool t, Tail x,
              int c)
{ return r + (int)e + t + x.s + c; }
N std::string string(int a, int b) { return std::string(a, 'x'); }
N Derived small(int a) { Derived d; d.y = a; return d; }
N Large large(int a, Large b, int c) { b.a += a + c; return b; }
N int numbers(long double l, int a, _Complex double z, __int128 i, float f, int b)
{ return a + b + (int)l + (int)i + (int)f; }
int main()
{
  Derived b; b.y = 2; trivial(Empty{}, 1, b, Defaulted(3), 4);
  Destroyed v; v.x = 6; Holder h; h.member.x = 8; h.k = 9; Virtual w; w.a = 11;
  nontrivial(5, v, 7, h, Copied(10), w, 12);
  library("hello", 13, "sv", 14, std::make_unique<int>(3), {15, 16}, 17);
  Tail x; x.p = 18; x.q = 19; x.r = 20; x.s = 21;
  members(nullptr, &Derived::y, nullptr, 22, Color::RED, true, x, 23);
  string(24, 25); small(26); large(27, Large{28, 29, 30}, 31);
  numbers(1.0L, 32, 1.5, 33, 2.5f, 34);
  Method m{35}; m.with(36, b); m.large(37);
}
"""

Values = list[list[int]]

CXX_VALUES: dict[str, tuple[Values, list[int] | None]] = {
    "trivial": ([[], [1], [2], [3], [4]], [10]),
    "nontrivial": ([[5], [6], [7], [8, 9], [10], [11], [12]], [60]),
    "library": ([[5, *b"hello"], [13], [2], [14], [], [15, 16], [17]], None),
    "members": ([[], [], [], [], [-9], [1], [18, 19, 20, 21], [23]], [58]),
    "string": ([[24], [25]], [24]),
    "small": ([[26]], [26]),
    "large": ([[27], [28, 29, 30], [31]], [86, 29, 30]),
    "numbers": ([[], [32], [], [33], [0x40200000], [34]], [102]),
    "Method::with": ([[], [36], [2]], [73]),
    "Method::large": ([[], [37]], [37, 2, 3]),
}
"""Of each function the numbers in its arguments, as far as they are given here, and in its result."""

GO = """
package main

import "fmt"

type Cache struct{ n int }
type Mixed struct {
	a int8
	f float32
	one [1]uint16
	none [0]int
}
type Two struct{ a [2]int }
type Box[T any] struct{ v T }

//go:noinline
func (c Cache) Insert(ctx error, key [32]byte, value []byte, expiry int64) int {
	fmt.Sprint(ctx, key, value, expiry)
	return len(value) + c.n
}

//go:noinline
func mixed(m Mixed, g Two, s string, i interface{}, z struct{}, c complex128, u uint8) (uint8, string, Two) {
	fmt.Sprint(m, g, s, i, z, c, u)
	return u, s, g
}

//go:noinline
func many(a, b, c, d, e, f, g, h, i int, j int8, k string, l int16, m [1]int, n int) (int, int) {
	fmt.Sprint(a, b, c, d, e, f, g, h, i, j, k, l, m, n)
	return 1, 2
}

//go:noinline
func (b *Box[T]) Get(k int) (T, int) { fmt.Sprint(k); return b.v, k + 1 }

//go:noinline
func generic[T any](k int, t T) T { fmt.Sprint(k, t); return t }

//go:noinline
func unnamed(_ string, k int) int { fmt.Sprint(k); return k }

func main() {
	Cache{3}.Insert(nil, [32]byte{9}, make([]byte, 5, 7), 11)
	mixed(Mixed{a: -1, f: 2.5, one: [1]uint16{12}}, Two{[2]int{13, 14}}, "abc", 1, struct{}{}, 1, 15)
	many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, "eleven", 12, [1]int{13}, 14)
	(&Box[int]{16}).Get(17)
	generic(18, 19)
	unnamed("a", 20)
}
"""

GO_VALUES: dict[str, tuple[Values, list[list[int]] | None]] = {
    "main.Cache.Insert": ([[3], [], [9], [5, 7], [11]], [[8]]),
    "main.mixed": ([[-1, 0x40200000, 12], [13, 14], [3], [], [], [], [15]], [[15], [3], [13, 14]]),
    "main.many": ([*([n] for n in range(1, 11)), [6], [12], [13], [14]], None),
    "main.(*Box[go.shape.int": ([[], [17]], [[16], [18]]),
    "main.generic[go.shape.int": ([[18], [19]], [[19]]),
}

RUST = """
use std::ptr::read_volatile as see;
pub struct Three(pub u8, pub u8, pub u8);
pub struct Reordered { pub x: u8, pub y: u64, pub z: u8 }
pub struct Floats(pub f32, pub f32);
pub enum Tagged { A(u32), B(u32), C }
pub enum Mixed { A(u32), B(f32), C }
#[derive(Clone, Copy)] pub enum Plain { X = 5, Y = 9 }
pub struct Cache { pub n: u64, pub m: String }
#[inline(never)] fn pairs(a: u32, s: &str, b: u16, v: &[u8], c: i8) -> u64 {
    (a as u64 + b as u64 + s.len() as u64 + v.len() as u64).wrapping_add(c as u64)
}
#[inline(never)] fn blocks(s: &str, x: Three, a: u32, z: Reordered, b: u32) -> Three {
    unsafe { see(&s); see(&z.y); see(&a); see(&b) };
    x
}
#[inline(never)] fn enums(
    x: Tagged, a: u32, y: Mixed, b: u32, z: Option<u64>, c: Option<&str>, d: Option<bool>, e: u32,
) -> Tagged {
    unsafe { see(&y as *const _ as *const u8); see(&a); see(&b); see(&z); see(&c); see(&d); see(&e) };
    x
}
#[inline(never)] fn owned(s: String, a: u32, v: Vec<u16>, b: u32, f: Floats) -> Floats {
    unsafe { see(&s.len()); see(&a); see(&v.len()); see(&b) };
    f
}
#[inline(never)] fn split(
    a: u64, b: u64, c: u64, d: u64, e: u64, s: &str, x: u8, r: std::ops::Range<u32>,
) -> (u8, u64) {
    unsafe { see(&s); see(&r.start) };
    (x, a + b + c + d + e)
}
#[inline(never)] fn wide(s: &str, i: u128, p: Plain, t: (u16, u16, u16)) -> u128 {
    unsafe { see(&s); see(&p); see(&t) };
    i
}
#[inline(never)] fn apply<F: Fn(u32) -> u32>(a: u32, f: F, b: u32) -> u32 {
    f(a) + b
}
fn double(a: u32) -> u32 {
    2 * a
}
impl Cache {
    #[inline(never)] fn insert(&mut self, k: &str, v: Option<u32>) -> usize {
        self.n += 1;
        k.len() + v.unwrap() as usize
    }
    #[inline(never)] fn take(self, k: u32) -> Cache {
        unsafe { see(&k) };
        self
    }
}
fn main() {
    pairs(1, "ab", 2, &[1, 2, 3], -4);
    blocks("a", Three(5, 6, 7), 8, Reordered { x: 9, y: 10, z: 11 }, 12);
    enums(Tagged::B(13), 14, Mixed::A(15), 16, Some(17), Some("ab"), Some(true), 18);
    owned("xyz".into(), 19, vec![1], 20, Floats(1.5, 2.5));
    split(21, 22, 23, 24, 25, "abc", 26, 27..28);
    wide("a", 29, Plain::Y, (30, 31, 32));
    apply(33, double, 34);
    let k = std::env::args().count() as u32;
    apply(35, |a| a + k, 36);
    let mut c = Cache { n: 37, m: "mn".into() };
    c.insert("key", Some(38));
    c.take(39);
}
"""

RUST_VALUES: dict[str, tuple[Values, list[int] | None]] = {
    "pairs": ([[1], [2], [2], [3], [-4]], None),
    "blocks": ([[1], [5, 6, 7], [8], [9, 10, 11], [12]], [5, 6, 7]),
    "enums": ([[1, 13], [14], [0, 15], [16], [1, 17], [], [1], [18]], [1, 13]),
    "owned": ([[3], [19], [1], [20], [0x3FC00000, 0x40200000]], [0x3FC00000, 0x40200000]),
    "split": ([[21], [22], [23], [24], [25], [3], [26], [27, 28]], [26, 115]),
    "wide": ([[1], [29], [9], [30, 31, 32]], [29]),
    "Cache::insert": ([[], [3], [1, 38]], [41]),
    "Cache::take": ([[38, 2], [39]], [38, 2]),
}
