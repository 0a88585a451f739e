__attribute__((section(".note.stapsdt"), used)) static const char note[] =
    "\x08\0\0\0\x24\0\0\0\x03\0\0\0stapsdt\0________--------\0\0\0\0\0\0\0\0\0a\0b\0-4@%edi";
struct list { struct list *next; int (*call)(int); unsigned a : 3; enum { ONE, TWO } kind; char name[7]; };
union both { int i; float f; };
struct pair { long a, b; };
volatile long sink;
static inline long inlined(long x) { return sink += x; }
__attribute__((noinline)) int take(struct list *list, struct pair pair, union both both, double d, ...)
{ sink += list->a + pair.b + both.i + d + inlined(pair.a); return 1; }
__attribute__((noinline)) static struct pair hidden(const char *s, _Complex float c)
{ struct pair p = {s[0], (long)__real__ c}; sink += s[1]; return p; }
int clone(int x) __asm__("take.constprop.0"); int clone(int x) { return x; }
void _start(void)
{ struct list l = {0}; struct pair p = {1, 2}; union both b = {3}; for (;;) { take(&l, p, b, 1.0); p = hidden("x", 2); } }
