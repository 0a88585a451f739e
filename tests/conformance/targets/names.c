/* Arguments of C that are more than one word, or less: structs by value, pointers to structs, arrays, enumerations. */
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

int main(void)
{
    static uint8_t bytes[4096];
    static const enum kind kinds[] = {GET, PUT, DROP};
    struct line line;
    for (int i = 0; i < 4096; i++)
        bytes[i] = (uint8_t)(i * 13);
    for (int i = 0; i < 60; i++) {
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
