namespace a { template <class T> struct box { T x; box(T t) : x(t) {} ~box() {} T get(const T &o) const { return x + o; } };
struct base { virtual long f(long x) = 0; long y; }; struct derived : base { long f(long x) override { return x + y; } }; }
volatile long sink;
__attribute__((noinline)) long by_value(a::box<long> b, a::derived &&d, int a::base::*m) { return b.get(d.y) + d.f(2); }
extern "C" void *memset(void *p, int, unsigned long) { return p; }
extern "C" void _start() { a::derived d; for (;;) sink += by_value(a::box<long>(sink), static_cast<a::derived &&>(d), nullptr); }
