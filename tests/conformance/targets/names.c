/* Arguments of C that are more than one word, or less: structs by value, pointers to structs, arrays, enumerations;
 * and floats. */
#include "truth.h"

enum kind { GET, PUT = 3, DROP = -2 };

struct view {
    const uint8_t *data;
    uint64_t len;
};

struct request {
    struct request *next;
    char name[12];
    int8_t levels[5];
    unsigned urgent : 1, priority : 5;
    int delta : 7;
    struct view body;
};

PROBED int64_t handle(struct request *req, struct view value, enum kind kind, int8_t small, uint16_t port,
                      int32_t *numbers)
{
    USE(req); USE(value.data); USE(value.len); USE(kind); USE(small); USE(port); USE(numbers);
    return kind + small + port + (int64_t)value.len + numbers[2];
}

PROBED struct view cut(struct view from, uint32_t count)
{
    USE(from.data);
    return (struct view){from.data + count, from.len - count};
}

struct rate {
    float low, high;
    double exact;
};

struct tax {
    double part;
    float least;
    int32_t year;
};

PROBED double price(double p, float q, long n, struct rate rate, struct tax tax, const struct tax *next)
{
    USE(n); USE(tax.year); USE(next);
    return p + (double)q + (double)rate.low + (double)rate.high + rate.exact + tax.part + (double)tax.least;
}

/* More floats than have registers. */
PROBED struct rate crowded(double a, double b, double c, double d, double e, double f, double g, double h, double on_stack,
                           float low)
{
    return (struct rate){low, (float)(a + b + c + d), e + f + g + h + on_stack};
}

static void floats(int i)
{
    static const double odd[] = {-0.0, 0.5, -0.5, 1.4999999, 1.5, -1.5, 1e6, -7e8, 1e-300, 0.1};
    struct line line;
    double p = i < 10 ? odd[i] : (i - 30) * 1.37;
    float q = (float)(i * i) / 16.0f - 40.0f;
    struct rate rate = {-0.25f * (float)i, 1e6f / (float)(i + 1), i * 1e-3};
    struct tax tax = {i / 7.0, -1.5f * (float)i, 2000 + i}, next = {-p, q, i};
    begin(&line, "uprobe", "price");
    word(&line, " p=%a q=%a n=%d rate.low=%a rate.high=%a rate.exact=%a", p, (double)q, i, (double)rate.low, (double)rate.high,
         rate.exact);
    word(&line, " tax.part=%a tax.least=%a tax.year=%d next->part=%a next->least=%a", tax.part, (double)tax.least, tax.year,
         next.part, (double)next.least);
    end(&line);
    double sum = price(p, q, i, rate, tax, &next);
    begin(&line, "uretprobe", "price");
    word(&line, " retval=%a xmm0=%llu", sum, (unsigned long long)((union { double x; uint64_t bits; }){sum}).bits);
    end(&line);
    begin(&line, "uprobe", "crowded");
    word(&line, " h=%a on_stack=%a low=%a", p * 8, p * 9, (double)q);
    end(&line);
    struct rate back = crowded(p, p * 2, p * 3, p * 4, p * 5, p * 6, p * 7, p * 8, p * 9, q);
    begin(&line, "uretprobe", "crowded");
    word(&line, " retval.low=%a retval.high=%a retval.exact=%a", (double)back.low, (double)back.high, back.exact);
    end(&line);
}

/* What no integer can be made of. */
static void unfit(void)
{
    static const double values[] = {1e300, -1e300, 1.0 / 0.0, 0.0 / 0.0, 3.0};
    for (int i = 0; i < 5; i++) {
        struct line line;
        begin(&line, "uprobe", "price");
        word(&line, " p=%a", values[i]);
        end(&line);
        price(values[i], 0, 0, (struct rate){0}, (struct tax){0}, NULL);
    }
}

int main(int argc, char **argv)
{
    static uint8_t bytes[4096];
    static const enum kind kinds[] = {GET, PUT, DROP};
    struct line line;
    if (argc > 1 && !strcmp(argv[1], "unfit"))
        return unfit(), 0;
    for (int i = 0; i < 4096; i++)
        bytes[i] = (uint8_t)(i * 13);
    for (int i = 0; i < 60; i++) {
        floats(i);
        struct request other = {.delta = i % 128 - 64};
        struct request req = {.next = &other, .levels = {(int8_t)-i, (int8_t)(2 * i), 3, (int8_t)(i - 30), 5},
                              .urgent = i & 1, .priority = i % 32, .delta = 63 - i, .body = {bytes + i, 7 * i}};
        snprintf(req.name, sizeof req.name, i % 5 ? "name \"%d\"" : "\xc3\xa9]: %d", i % 4);
        struct view value = {bytes + i, (uint64_t)i << 52 | (uint64_t)(3 * i)};
        enum kind kind = kinds[i % 3];
        int8_t small = (int8_t)(i * 5);
        uint16_t port = (uint16_t)(i * 1999);
        int32_t numbers[4] = {i, -i, i * -100000, 7 - i};
        begin(&line, "uprobe", "handle");
        word(&line, " value.len=%lluu *value.data=%d value.data[2]=%d kind=%d small=%d port=%d numbers[2]=%d",
             (unsigned long long)value.len, value.data[0], value.data[2], kind, small, port, numbers[2]);
        word(&line, " req->levels[3]=%d req->urgent=%d req->priority=%d req->delta=%d req->next->delta=%d",
             req.levels[3], req.urgent, req.priority, req.delta, other.delta);
        word(&line, " req->body.len=%llu PUT=3", (unsigned long long)req.body.len);
        string(&line, "str(req->name)", req.name, strlen(req.name));
        end(&line);
        handle(&req, value, kind, small, port, numbers);
        struct view rest = cut(value, (uint32_t)i);
        begin(&line, "uretprobe", "cut");
        word(&line, " retval.len=%lluu", (unsigned long long)rest.len);
        end(&line);
    }
    return 0;
}
