"""Programs whose debug information is read; those in C print the layouts that it must agree with."""

# ruff: noqa: E501 - lines of other languages

C_SAMPLE = r"""
#include <complex.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum colour { RED = 1, GREEN = 5, VERT = 5, BLUE = 200 };
enum level { LOW = -3, HIGH = 3 };
typedef struct node node_t;
struct opaque;
union word { uint32_t whole; uint8_t bytes[4]; float real; };
struct packed { char a; long b; short c : 5; short d : 11; int e : 20; } __attribute__((packed));
struct bits { unsigned a : 3; int b : 7; _Bool c : 1; unsigned long d : 40; int : 0; unsigned e : 9; };
struct aligned { char a; int b __attribute__((aligned(32))); };
struct inner { int x; struct { short y; union { int z; char w[4]; }; }; };
struct flexible { int count; long items[]; };
struct node {
    node_t *next; const char *name; volatile int *v; int (*call)(int, long); struct opaque *unknown;
    void *any; int grid[3][5]; enum colour colour; enum level level; double _Complex z; __int128 big;
    unsigned __int128 *ubig; long double ld; union word word; struct inner inner; char zero[0];
};
typedef int v4 __attribute__((vector_size(16)));
struct pair { uint64_t data; uint32_t len; };
struct wide { long a[5]; };
volatile long sink;

__attribute__((noinline)) int take(int k, struct pair value, struct wide wide, double d, long s1, long s2,
                                   long s3, long s4, signed char s5)
{
    sink += k + value.len + wide.a[2] + (long)d + s1 + s2 + s3 + s4 + s5;
    return k;
}
__attribute__((noinline)) long nodes(node_t *node, const struct bits *bits, struct packed *packed,
                                     struct aligned *aligned, struct flexible *flexible, v4 vector)
{
    sink += node->grid[1][2] + bits->a + packed->b + aligned->b + flexible->count + vector[1];
    return sink;
}
__attribute__((noinline)) int many(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int n = va_arg(list, int);
    va_end(list);
    sink += n;
    return n + format[0];
}
__attribute__((noinline)) static void hidden(uint8_t *restrict bytes, _Bool flag) { sink += bytes[0] + flag; }
static inline __attribute__((always_inline)) long twice(long x) { return sink += x; }
__attribute__((noinline)) int old(a, b) char a; float b; { sink += (long)b; return a; }

#define FIELD(type, field) printf(#type "." #field " %zu %zu\n", offsetof(type, field), sizeof(((type *)0)->field))
#define BITS(type, field)                                                                                      \
    do {                                                                                                       \
        type value;                                                                                            \
        memset(&value, 0, sizeof value);                                                                       \
        value.field = -1;                                                                                      \
        int first = -1, count = 0;                                                                             \
        for (int i = 0; i < 8 * (int)sizeof value; i++)                                                        \
            if (((unsigned char *)&value)[i / 8] >> (i % 8) & 1) { if (first < 0) first = i; count++; }        \
        printf(#type "." #field " bits %d %d\n", first, count);                                                \
    } while (0)

int main(int argc, char **argv)
{
    printf("node_t %zu\n", sizeof(node_t));
    FIELD(node_t, next); FIELD(node_t, name); FIELD(node_t, v); FIELD(node_t, call); FIELD(node_t, unknown);
    FIELD(node_t, any); FIELD(node_t, grid); FIELD(node_t, colour); FIELD(node_t, level); FIELD(node_t, z);
    FIELD(node_t, big); FIELD(node_t, ubig); FIELD(node_t, ld); FIELD(node_t, word); FIELD(node_t, inner);
    FIELD(node_t, zero);
    FIELD(struct inner, x); FIELD(struct inner, y); FIELD(struct inner, z); FIELD(struct inner, w);
    FIELD(struct packed, a); FIELD(struct packed, b); FIELD(struct aligned, b);
    BITS(struct packed, c); BITS(struct packed, d); BITS(struct packed, e);
    BITS(struct bits, a); BITS(struct bits, b); BITS(struct bits, c); BITS(struct bits, d); BITS(struct bits, e);
    struct pair value = {1, 2};
    struct wide wide = {{argc}};
    node_t node = {0};
    struct bits bits = {0};
    struct packed packed = {0};
    struct aligned aligned = {0};
    struct flexible flexible = {0};
    v4 vector = {argc, 1, 2, 3};
    uint8_t byte[2] = {argc};
    hidden(byte, argc > 1);
    return (int)(take(argc, value, wide, 1.5, 1, 2, 3, 4, 5) + many("x", argc) + old(argc, 2.5f)
        + nodes(&node, &bits, &packed, &aligned, &flexible, vector) + twice(3) + twice(4)) & 0;
}
"""

CXX_SAMPLE = r"""
#include <cstdint>
#include <string>
#include <vector>
struct forward;
namespace outer {
namespace { int hidden_count; __attribute__((noinline)) int hidden(int x) { return hidden_count += x; } }
enum class Kind : uint8_t { Small = 1, Large = 255 };
struct Base { int base_value; virtual ~Base() {} };
struct Virtual { int virtual_value; };
struct Plain { int a; long b; };
class Cache : public Base, public virtual Virtual {
public:
    struct Entry { uint32_t len; Kind kind; };
    static int instances;
    explicit Cache(int size);
    int insert(const Entry &entry, Plain plain) const;
    int insert(std::string name);
    template <typename T> T get(T &&value, int Plain::*member, int (Plain::*method)());
    Entry entry{};
    forward *next = nullptr;
    Cache *parent = nullptr;
private:
    bool flag : 1;
};
int Cache::instances;
volatile long sink;
__attribute__((noinline)) Cache::Cache(int size) { entry.len = size; }
__attribute__((noinline)) int Cache::insert(const Entry &e, Plain p) const { sink += e.len + p.a; return p.b; }
__attribute__((noinline)) int Cache::insert(std::string name) { return sink += name.size(); }
template <typename T> __attribute__((noinline)) T Cache::get(T &&value, int Plain::*, int (Plain::*)())
{ sink += value; return value; }
__attribute__((noinline)) long nothing(decltype(nullptr) p, wchar_t w, char16_t c, std::vector<int> *v)
{ return sink += w + c + (p == nullptr) + v->size(); }
}
int main(int argc, char **)
{
    using namespace outer;
    Cache cache(argc);
    std::vector<int> v(3);
    int (Plain::*method)() = nullptr;
    return (cache.insert({1, Kind::Small}, {argc, 2}) + cache.insert("name") + hidden(argc)
        + cache.get(argc + 1, &Plain::a, method) + nothing(nullptr, L'x', u'y', &v)) & 0;
}
"""

RUST_SAMPLE = r"""
use std::hint::black_box;
pub mod cache {
    pub enum Shape { Empty, Circle(f64), Rect { w: u32, h: u32 }, Big(u128) }
    #[repr(u8)] #[derive(Clone, Copy)] pub enum Color { Red = 1, Blue = 200 }
    pub struct Cache { pub n: u64, pub name: String }
    impl Cache {
        #[inline(never)]
        pub fn insert(&mut self, key: &str, value: &[u8], o: Option<u64>, c: Color) -> usize {
            self.n += std::hint::black_box(o).unwrap_or(1);
            std::hint::black_box(key).len() + std::hint::black_box(value).len() + std::hint::black_box(c) as usize
        }
    }
}
use cache::*;
#[inline(never)]
fn area(s: &Shape, t: (u32, u8), b: Box<Vec<i32>>) -> f64 {
    black_box(t); black_box(b);
    match s { Shape::Empty => 0.0, Shape::Circle(r) => *r, Shape::Rect { w, h } => (w * h) as f64, Shape::Big(n) => *n as f64 }
}
#[inline(never)]
fn generic<K: Copy + PartialOrd>(k: K, c: char, u: ()) -> bool { black_box(c); black_box(u); black_box(k) < k }
#[inline(never)]
fn spilled(a: u64, b: u64) -> String { format!("{a} {b}") }
#[no_mangle] #[inline(never)]
pub extern "C" fn plain(a: i32, b: *const u8, x: i128) -> i32 { black_box(x); black_box(a) + black_box(b) as i32 }
fn main() {
    let mut c = Cache { n: 1, name: String::from("x") };
    let v = vec![1u8, 2, 3];
    println!("{}", c.insert("key", &v, black_box(Some(3)), black_box(Color::Blue)));
    println!("{}", c.insert(&c.name.clone(), &v[1..], black_box(None), black_box(Color::Red)));
    for s in [Shape::Empty, Shape::Circle(2.0), Shape::Rect { w: 1, h: 2 }, Shape::Big(3)] {
        println!("{}", area(black_box(&s), black_box((1, 2)), Box::new(vec![1])));
    }
    println!("{}", spilled(black_box(1), black_box(2)));
    println!("{} {}", generic(7u32, 'x', ()), plain(black_box(1), std::ptr::null(), black_box(2)));
}
"""

GO_SAMPLE = """
package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

type Cache struct {
	n    int
	m    map[string]int
	next *Cache
}
type Number interface{ ~int | ~uint64 }

//go:noinline
func (c Cache) Insert(ctx context.Context, key [32]byte, value []byte, expiry time.Time) (int, error) {
	return c.n + len(value) + int(key[3]) + expiry.Day(), ctx.Err()
}

//go:noinline
func (c *Cache) Put(s string, f func(int) int, x float64, ch chan int, one [1]int16, e any) (r string) {
	return fmt.Sprint(s, f(3), x, ch, one, e, c.m)
}

//go:noinline
func Sum[T Number](a []T, k T) T {
	for _, x := range a {
		k += x
	}
	return k
}

//go:noinline
func nothing() { fmt.Fprint(os.Stderr) }

func main() {
	c := &Cache{n: len(os.Args)}
	var k [32]byte
	fmt.Println(c.Insert(context.Background(), k, []byte(os.Args[0]), time.Now()))
	fmt.Println(c.Put(os.Args[0], func(i int) int { return i * c.n }, 2.5, nil, [1]int16{4}, 7))
	fmt.Println(Sum([]int{1, c.n}, 3), Sum([]uint64{1}, 2))
	nothing()
}
"""

PASSED = r"""
#include <string>
#include <memory>
#include <utility>
#include <vector>
#include <optional>
struct Triv { int a; Triv() {} Triv(int x) : a(x) {} };
struct Dflt { int a; Dflt(const Dflt&) = default; Dflt() = default; ~Dflt() = default; };
struct Dtor { int a; ~Dtor() { a = 0; } };
struct Copy { int a; Copy(); Copy(const Copy &o, int k = 3); };
Copy::Copy() : a(1) {} Copy::Copy(const Copy &o, int) : a(o.a) {}
struct Move { int a; Move() = default; Move(Move &&o) : a(o.a) {} };
struct Del { int a; Del() = default; Del(const Del &) = delete; };
struct DelMoveOk { int a; DelMoveOk() = default; DelMoveOk(const DelMoveOk &) = delete; DelMoveOk(DelMoveOk &&) = default; };
struct Virt { virtual int f(); int a; }; int Virt::f() { return a; }
struct Holder { Triv t; Dtor d; };
struct Arr { Dtor d[2]; };
struct Derived : Dtor { int b; };
struct DerivedT : Triv { int b; };
struct OutDflt { int a; OutDflt() = default; OutDflt(const OutDflt &); }; OutDflt::OutDflt(const OutDflt &) = default;
template <class T> struct Tm { T a; Tm() = default; template <class U> Tm(const Tm<U> &) {} };
struct Assign { int a; Assign &operator=(const Assign &o) { a = o.a; return *this; } };
struct Anon { union { Triv t; int b; }; Anon() : b(1) {} };
struct Conv { int a; operator int() const { return a; } explicit Conv(const char *) : a(2) {} };
volatile long sink;
#define F(T) __attribute__((noinline)) void f_##T(T x) { sink += *(int *)&x; }
using Str = std::string;
using Uptr = std::unique_ptr<int>;
using Pair = std::pair<int, int>;
using Vec = std::vector<int>;
using Opt = std::optional<int>;
using OptS = std::optional<std::string>;
using Tmi = Tm<int>;
using PairS = std::pair<int, std::string>;
using Sp = std::shared_ptr<int>;
F(Triv) F(Dflt) F(Dtor) F(Copy) F(Move) F(Del) F(DelMoveOk) F(Virt) F(Holder) F(Arr) F(Derived) F(DerivedT) F(OutDflt) F(Tmi) F(Assign) F(Anon) F(Conv) F(Str) F(Uptr) F(Pair) F(Vec) F(Opt) F(OptS) F(PairS) F(Sp)
int main() { Move m; Virt v{}; f_Triv(Triv(1)); f_Dflt(Dflt()); f_Dtor(Dtor{1}); f_Copy(Copy()); f_Move(Move()); f_Del(Del()); f_DelMoveOk(DelMoveOk()); f_Virt(v); f_Holder(Holder{}); f_Arr(Arr{}); f_Derived(Derived{}); f_DerivedT(DerivedT{}); f_OutDflt(OutDflt()); f_Tmi(Tmi()); f_Assign(Assign()); f_Anon(Anon()); f_Conv(Conv("")); f_Str("a"); f_Uptr(nullptr); f_Pair({1,2}); f_Vec({}); f_Opt(1); f_OptS("x"); f_PairS({1,"a"}); f_Sp(nullptr); }
"""
"""Classes of all kinds, each passed by value to a function."""
