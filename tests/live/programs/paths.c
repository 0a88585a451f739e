/* Passes values of many shapes, and writes the true value of each path to the file that it is given.
 * What a function doesn't use, clang doesn't pass: each uses all. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum kind { GET, PUT = 3, DROP = -2 };

struct view {
    const uint8_t *data;
    size_t len;
};

struct header {
    uint16_t version;
    unsigned urgent : 1, priority : 5;
    int delta : 7;
    enum kind kind;
    struct {
        int32_t x, y;
    };
    union {
        int64_t wide;
        int16_t narrow[4];
    } as;
};

struct request {
    struct request *next;
    struct header hdr;
    char name[12];
    int8_t levels[5];
    struct view body;
};

struct pair {
    int32_t first;
    int16_t second;
    uint8_t third;
};

static FILE *truth;

#define SAY(path, value) fprintf(truth, "%s %lld\n", path, (long long)(value))

__attribute__((noinline)) long handle(struct request *req, struct view value, enum kind kind, struct pair pair,
                                      int32_t *numbers, int8_t small, struct view late)
{
    __asm__ volatile("" ::"r"(value.data), "r"(late.data), "r"(pair), "r"(req) : "memory");
    return req->hdr.delta + (long)value.len + kind + pair.first + numbers[2] + small + (long)late.len;
}

__attribute__((noinline)) struct view cut(struct view from, uint32_t count)
{
    __asm__ volatile("" ::: "memory");
    return (struct view){from.data + count, from.len - count};
}

__attribute__((noinline)) struct header whole(int32_t seed)
{
    __asm__ volatile("" ::: "memory");
    return (struct header){.version = (uint16_t)(seed * 7), .kind = PUT, .x = -seed, .as.wide = seed * 1000003LL};
}

int main(int argc, char **argv)
{
    truth = fopen(argv[1], "w");
    int count = argc > 2 ? atoi(argv[2]) : 50;
    static uint8_t bytes[4096];
    for (int i = 0; i < 4096; i++)
        bytes[i] = (uint8_t)(i * 13);
    enum kind kinds[] = {GET, PUT, DROP};
    for (int i = 0; i < count; i++) {
        struct request other = {.hdr = {.version = (uint16_t)(60000 + i), .delta = -64 + i % 128}};
        struct request req = {
            .next = &other,
            .hdr = {.version = (uint16_t)(i * 1001), .urgent = i & 1, .priority = i % 32, .delta = i % 128 - 64,
                    .kind = kinds[i % 3], .x = -i, .y = i * 100000, .as.wide = (int64_t)i * -1234567890123LL},
            .levels = {(int8_t)-i, (int8_t)(2 * i), 3, (int8_t)(i - 30), 5},
            .body = {bytes + i, (size_t)i * 7},
        };
        snprintf(req.name, sizeof req.name, "name%d", i % 4);
        struct view value = {bytes + i, 500 + (size_t)i * 3}, late = {bytes, (size_t)i << 33};
        struct pair pair = {-i * 3, (int16_t)(i * 500), (uint8_t)(200 + i)};
        int32_t numbers[4] = {i, -i, i * i, 7 - i};

        SAY("value.len", value.len);
        SAY("value.data[2]", value.data[2]);
        SAY("*value.data", *value.data);
        SAY("req->hdr.version", req.hdr.version);
        SAY("req->hdr.urgent", req.hdr.urgent);
        SAY("req->hdr.priority", req.hdr.priority);
        SAY("req->hdr.delta", req.hdr.delta);
        SAY("req->hdr.kind", req.hdr.kind);
        SAY("req->hdr.x", req.hdr.x);
        SAY("req->hdr.y", req.hdr.y);
        SAY("req->hdr.as.wide", req.hdr.as.wide);
        SAY("req->hdr.as.narrow[1]", req.hdr.as.narrow[1]);
        SAY("req->next->hdr.version", other.hdr.version);
        SAY("req->next->hdr.delta", other.hdr.delta);
        SAY("req->levels[0]", req.levels[0]);
        SAY("req->levels[3]", req.levels[3]);
        SAY("req->levels[pair.third & 3]", req.levels[pair.third & 3]);
        SAY("req->body.len", req.body.len);
        SAY("req->body.data[1]", req.body.data[1]);
        SAY("kind", kinds[i % 3]);
        SAY("kind == PUT", kinds[i % 3] == PUT);
        SAY("pair.first", pair.first);
        SAY("pair.second", pair.second);
        SAY("pair.third", pair.third);
        SAY("numbers[2]", numbers[2]);
        SAY("numbers[3] + pair.first", numbers[3] + pair.first);
        SAY("*numbers", *numbers);
        SAY("small", (int8_t)(i * 5));
        SAY("late.len", late.len);
        SAY("len(req->levels)", 5);
        fprintf(truth, "str(req->name) %s\n", req.name);
        handle(&req, value, kinds[i % 3], pair, numbers, (int8_t)(i * 5), late);
        struct view rest = cut(value, (uint32_t)i);
        SAY("retval.len", rest.len);
        SAY("retval.data[0]", rest.data[0]);
        struct header header = whole(i);
        SAY("retval.version", header.version);
        SAY("retval.x", header.x);
        SAY("retval.as.wide", header.as.wide);
    }
    return fclose(truth);
}
