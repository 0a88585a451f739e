/* Calls functions of C: calls MODE [WORD …]; main() has the modes. */
#include "truth.h"
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <sys/wait.h>

struct integers {
    int8_t i8;
    uint8_t u8;
    int16_t i16;
    uint16_t u16;
    int32_t i32;
    uint32_t u32;
    int64_t i64;
    uint64_t u64;
};

PROBED void value(int64_t v) { USE(v); }
PROBED void pair(int64_t a, int64_t b) { USE(a); USE(b); }
PROBED void text(const char *s, int64_t index) { USE(s); USE(index); }
PROBED void label(const char *s, const char *t) { USE(s); USE(t); }
PROBED void sized(const char *s, uint64_t size) { USE(s); USE(size); }
PROBED void memory(const struct integers *p) { USE(p); }
PROBED void nine(int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f, int64_t g, int64_t h, int64_t i)
{
    USE(a); USE(b); USE(c); USE(d); USE(e); USE(f); USE(g); USE(h); USE(i);
}
PROBED int64_t gives(int64_t v)
{
    USE(v);
    return v;
}
PROBED int64_t deep(int64_t n)
{
    int64_t below = n > 0 ? deep(n - 1) : 0;
    USE(below);
    return below + 1;
}
PROBED int64_t jumps(int64_t v)
{
    USE(v);
    return gives(v);
}
PROBED void early(int64_t n) { USE(n); }
/* Where the linker is told to put it, so that a program without symbols can be probed by a known address. */
__attribute__((section(".text.unlikely.fixed"))) PROBED void fixed(int64_t v) { USE(v); }

static void call_value(int64_t v)
{
    struct line line;
    begin(&line, "uprobe", "value");
    word(&line, " arg0=%lld v=%lld", (long long)v, (long long)v);
    end(&line);
    value(v);
}

static void call_fixed(int64_t v)
{
    struct line line;
    begin(&line, "uprobe", "0x402000");
    word(&line, " arg0=%lld", (long long)v);
    end(&line);
    fixed(v);
}

static void returned(const char *name, int64_t result)
{
    struct line line;
    begin(&line, "uretprobe", name);
    word(&line, " retval=%lld", (long long)result);
    end(&line);
}

static void call_gives(int64_t v)
{
    struct line line;
    begin(&line, "uprobe", "gives");
    word(&line, " arg0=%lld", (long long)v);
    end(&line);
    returned("gives", gives(v));
}

static void call_jumps(int64_t v)
{
    returned("jumps", jumps(v));
    returned("gives", v);
}

__attribute__((constructor)) static void before_main(void)
{
    for (int64_t n = 0; n < 7; n++) {
        struct line line;
        begin(&line, "uprobe", "early");
        word(&line, " arg0=%lld", (long long)n);
        end(&line);
        early(n);
    }
}

/* Both signs of each power of two and its neighbours, as far as they have so many bits. */
static void powers(void (*call)(int64_t), int bits)
{
    for (int n = 0; n < bits; n++)
        for (int d = -1; d <= 1; d++) {
            call((int64_t)((1ULL << n) + (uint64_t)d));
            call((int64_t)(0 - (1ULL << n) - (uint64_t)d));
        }
}

/* Sets of values, by their names. */
static void each(const char *set, void (*call)(int64_t))
{
    if (!strcmp(set, "edges")) {
        powers(call, 64);
    } else if (!strcmp(set, "halves")) {
        powers(call, 40);
    } else if (!strcmp(set, "small")) {
        for (int64_t v = -20; v <= 20; v++)
            call(v);
    } else if (!strcmp(set, "natural")) {
        for (int64_t v = 0; v < 50; v++)
            call(v * v);
    } else if (!strcmp(set, "negative")) {
        for (int64_t v = 1; v < 50; v++)
            call(-v * v * v);
    } else if (!strcmp(set, "tens")) {
        for (int64_t power = 1, n = 0; n < 19; n++, power *= 10)
            for (int64_t d = -1; d <= 1; d++) {
                call(power + d);
                call(-power - d);
                call(power * 3 + d);
            }
    } else if (!strcmp(set, "lengths")) {
        uint32_t state = 1;
        for (int n = 0; n < 300; n++) {
            state = state * 1664525 + 1013904223;
            call(state >> 17);
        }
    } else if (!strcmp(set, "words")) {
        for (int64_t base = -(1LL << 33); base <= 1LL << 33; base += 1LL << 31)
            for (int64_t d = -2; d <= 2; d++)
                call(base + d);
    } else if (!strcmp(set, "bytes")) {
        for (int64_t v = -300; v <= 300; v += 7)
            call((int64_t)((uint64_t)v + 0xdead000000000000));
    } else if (strcmp(set, "none") != 0) {
        exit(3);
    }
}

static const char *const texts[] = {
    "plain", "with space", "a,b", "a, b", "quote\"d", "it's", "back\\slash", "new\nline", "cr\rlf\r\n", "tab\tx",
    "\x01\x1f\x7f", "caf\xc3\xa9", "\xe6\xbc\xa2\xe5\xad\x97", "\xf0\x9f\x90\x9d", "\xe2\x80\xaertl", "bad\xff\xfe",
    "\x80", "\xc3", "\xed\xa0\x80", "", "(paren)", "[br]ack]: 5", "]: 1", "\"]: 1", "@b0[1]: 9", "\n@t0: 7\n",
    "%d%s%n", "100%", "{\"json\": 1}", "WARNING: nothing", "Lost 3 events", "//", "/*", " ", ", ", "\\n", "\\\"",
    "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b" "1m", "$HOME `id` $(id)", "'; drop", "\x08\x08", "plain",
};
enum { TEXTS = sizeof texts / sizeof *texts };

static void call_text(const char *s, int64_t index, size_t size)
{
    struct line line;
    begin(&line, "uprobe", "text");
    word(&line, " arg0=%lld arg1=%lld", (long long)(intptr_t)s, (long long)index);
    if (size)
        readable(&line, s, size);
    end(&line);
    text(s, index);
}

static void call_label(const char *s, const char *t)
{
    struct line line;
    begin(&line, "uprobe", "label");
    word(&line, " arg0=%lld arg1=%lld", (long long)(intptr_t)s, (long long)(intptr_t)t);
    readable(&line, s, strlen(s) + 1);
    readable(&line, t, strlen(t) + 1);
    end(&line);
    label(s, t);
}

static void call_sized(const char *s, uint64_t size)
{
    struct line line;
    begin(&line, "uprobe", "sized");
    word(&line, " arg0=%lld arg1=%lld", (long long)(intptr_t)s, (long long)size);
    readable(&line, s, size);
    end(&line);
    sized(s, size);
}

static void call_memory(int64_t v)
{
    struct integers all = {(int8_t)v, (uint8_t)(v >> 1), (int16_t)v, (uint16_t)(v >> 2), (int32_t)v, (uint32_t)(v >> 3),
                           v, (uint64_t)(v ^ 0x5a)};
    struct line line;
    begin(&line, "uprobe", "memory");
    word(&line, " arg0=%lld p->i8=%d p->u8=%u p->i16=%d p->u16=%u p->i32=%d p->u32=%u p->i64=%lld p->u64=%lluu",
         (long long)(intptr_t)&all, all.i8, all.u8, all.i16, all.u16, all.i32, all.u32, (long long)all.i64,
         (unsigned long long)all.u64);
    readable(&line, &all, sizeof all);
    end(&line);
    memory(&all);
}

static void call_pair(int64_t a, int64_t b)
{
    struct line line;
    begin(&line, "uprobe", "pair");
    word(&line, " arg0=%lld arg1=%lld", (long long)a, (long long)b);
    end(&line);
    pair(a, b);
}

static void call_pairs(int64_t a)
{
    static const int64_t others[] = {0, 1, -1, 2, -7, 64, 100, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        call_pair(a, others[i]);
}

static int64_t nap_inside;

PROBED int64_t naps(int64_t microseconds)
{
    int64_t start = now();
    if (microseconds)
        usleep((useconds_t)microseconds);
    nap_inside = now() - start;
    return microseconds;
}

static void call_naps(int64_t microseconds)
{
    int64_t start = now();
    int64_t result = naps(microseconds);
    int64_t outside = now() - start;
    struct line line;
    begin(&line, "uretprobe", "naps");
    word(&line, " retval=%lld elapsed=%lld..%lld", (long long)result, (long long)nap_inside, (long long)outside);
    end(&line);
}

enum { LEVELS = 80 };
static __thread int64_t inside[LEVELS], outside[LEVELS];

PROBED int64_t nested(int64_t n)
{
    int64_t start = now();
    if (n > 0) {
        int64_t before = now();
        nested(n - 1);
        outside[n - 1] = now() - before;
    }
    inside[n] = now() - start;
    return n;
}

static void *nesting(void *unused)
{
    int64_t before = now();
    nested(LEVELS - 1);
    outside[LEVELS - 1] = now() - before;
    for (int n = 0; n < LEVELS; n++) {
        struct line line;
        begin(&line, "uretprobe", "nested");
        word(&line, " retval=%d elapsed=%lld..%lld", n, (long long)inside[n], (long long)outside[n]);
        end(&line);
    }
    return unused;
}

static jmp_buf back;

PROBED int64_t leaves(int64_t n)
{
    USE(n);
    if (n % 3 == 0)
        longjmp(back, 1);
    return n;
}

static void call_leaves(int64_t n)
{
    if (!setjmp(back)) {
        returned("leaves", leaves(n));
        return;
    }
    struct line line;
    begin(&line, "unreturned", "leaves");
    end(&line);
}

static int64_t rounds;

/* A million events have no line each: a thread writes how often it passed each value. */
static void *thread(void *number)
{
    static __thread int64_t passed[256];
    for (int64_t i = 0; i < rounds; i++) {
        int64_t v = (i * 31 + (intptr_t)number) % 256;
        passed[v]++;
        value(v - 128);
    }
    for (int64_t v = 0; v < 256; v++) {
        struct line line;
        begin(&line, "uprobe", "value");
        word(&line, " times=%lld arg0=%lld", (long long)passed[v], (long long)v - 128);
        end(&line);
    }
    return number;
}

static void *named(void *index)
{
    prctl(PR_SET_NAME, texts[(intptr_t)index]);
    call_value((intptr_t)index);
    return index;
}

static void *pinned(void *cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((intptr_t)cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set))
        abort();
    for (int64_t v = 0; v < 20; v++) {
        struct line line;
        begin(&line, "uprobe", "value");
        word(&line, " arg0=%lld cpu=%lld", (long long)v, (long long)(intptr_t)cpu);
        end(&line);
        value(v);
    }
    return cpu;
}

static void in_threads(void *(*work)(void *), int count, int at_once)
{
    pthread_t threads[256];
    for (int i = 0; i < count; i++) {
        pthread_create(&threads[i], 0, work, (void *)(intptr_t)i);
        if (!at_once)
            pthread_join(threads[i], 0);
    }
    for (int i = 0; at_once && i < count; i++)
        pthread_join(threads[i], 0);
}

static void forks(int deeper)
{
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        if (!child) {
            for (int64_t v = 0; v <= i; v++)
                call_value(100 + v);
            if (deeper)
                forks(0);
            _exit(0);
        }
        waitpid(child, 0, 0);
    }
}

static void seek(int64_t offset)
{
    static int file = -1;
    if (file < 0)
        file = open("/proc/self/exe", O_RDONLY);
    struct line line;
    begin_in(&line, "syscall", "", "lseek:entry");
    word(&line, " arg0=%d arg1=%lld arg2=0", file, (long long)offset);
    end(&line);
    long result = syscall(SYS_lseek, file, offset, SEEK_SET);
    begin_in(&line, "syscall", "", "lseek:return");
    word(&line, " retval=%lld", (long long)(result < 0 ? -errno : result));
    end(&line);
}

/* On a processor all the time, so that a profile's ticks find it. */
static void spin(int64_t nanoseconds)
{
    for (int64_t start = now(); now() - start < nanoseconds;)
        value(0);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "", *set = argc > 2 ? argv[2] : "";
    struct line line;
    if (!strcmp(mode, "values")) {
        each(set, call_value);
    } else if (!strcmp(mode, "two")) {
        each(set, call_value);
        each(set, call_gives);
    } else if (!strcmp(mode, "wait")) {
        /* Until whoever started it has placed its probes, and writes a byte. */
        if (read(0, &line, 1) != 1)
            return 4;
        each(set, call_value);
    } else if (!strcmp(mode, "fixed")) {
        each(set, call_fixed);
    } else if (!strcmp(mode, "pairs")) {
        each(set, call_pairs);
    } else if (!strcmp(mode, "memory")) {
        each(set, call_memory);
    } else if (!strcmp(mode, "gives")) {
        each(set, call_gives);
    } else if (!strcmp(mode, "jumps")) {
        each(set, call_jumps);
    } else if (!strcmp(mode, "leaves")) {
        each(set, call_leaves);
    } else if (!strcmp(mode, "seek")) {
        each(set, seek);
    } else if (!strcmp(mode, "texts")) {
        for (int i = 0; i < TEXTS; i++)
            call_text(texts[i], i, strlen(texts[i]) + 1);
    } else if (!strcmp(mode, "labels")) {
        for (int i = 0; i < TEXTS; i++)
            call_label(texts[i], texts[(i * 7 + 3) % TEXTS]);
    } else if (!strcmp(mode, "long")) {
        char one[101];
        for (int i = 1; i <= 100; i++) {
            memset(one, 'x', sizeof one);
            one[i] = 0;
            call_text(one, i, (size_t)i + 1);
        }
    } else if (!strcmp(mode, "unreadable")) {
        for (int i = 0; i < 5; i++)
            call_text((const char *)(intptr_t)(8 + i), i, 0);
        for (int i = 0; i < 5; i++)
            call_text(texts[i], i, strlen(texts[i]) + 1);
    } else if (!strcmp(mode, "sized")) {
        static const char bytes[] = "one, two\nthree\xff\"]: 4";
        for (uint64_t size = 0; size < sizeof bytes; size++)
            call_sized(bytes, size);
    } else if (!strcmp(mode, "nuls")) {
        static const char bytes[] = "one\0two\0\0three";
        for (uint64_t size = 0; size < sizeof bytes; size++)
            call_sized(bytes, size);
    } else if (!strcmp(mode, "nine")) {
        for (int64_t n = -3; n < 4; n++) {
            begin(&line, "uprobe", "nine");
            for (int i = 0; i < 9; i++)
                word(&line, " arg%d=%lld", i, (long long)(n * (i + 1)));
            end(&line);
            nine(n, 2 * n, 3 * n, 4 * n, 5 * n, 6 * n, 7 * n, 8 * n, 9 * n);
        }
    } else if (!strcmp(mode, "deep")) {
        int64_t levels = atol(set);
        deep(levels);
        for (int64_t n = 0; n <= levels; n++) {
            begin(&line, "uprobe", "deep");
            word(&line, " arg0=%lld", (long long)n);
            end(&line);
            returned("deep", n + 1);
        }
    } else if (!strcmp(mode, "naps")) {
        for (int64_t n = 0; n < 40; n++)
            call_naps(n % 4 * 500);
    } else if (!strcmp(mode, "nested")) {
        in_threads(nesting, 4, 1);
    } else if (!strcmp(mode, "threads")) {
        rounds = atol(argv[3]);
        in_threads(thread, atoi(set), 1);
    } else if (!strcmp(mode, "named")) {
        in_threads(named, TEXTS, 0);
    } else if (!strcmp(mode, "pinned")) {
        in_threads(pinned, (int)sysconf(_SC_NPROCESSORS_ONLN), 1);
    } else if (!strcmp(mode, "forks")) {
        each("small", call_value);
        forks(1);
    } else if (!strcmp(mode, "exec")) {
        each("small", call_value);
        return execv(argv[2], argv + 2);
    } else if (!strcmp(mode, "ticks")) {
        /* A tick may be dropped where a processor is idle; more of them than fit into the time can't be. */
        int64_t milliseconds = atol(set), start = now();
        spin(milliseconds * 1000000);
        int64_t most = (now() - start) / 10000000 + 100;
        begin_in(&line, "interval", "", "ms:10");
        word(&line, " times=1..%lld", (long long)most);
        end(&line);
        begin_in(&line, "profile", "", "hz:99");
        word(&line, " times=1..%lld", (long long)most);
        end(&line);
    } else if (strcmp(mode, "idle") != 0) {
        return 2;
    }
    return 0;
}
