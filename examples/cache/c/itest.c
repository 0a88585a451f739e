/* A cache with no statistics of its own: how large are the values that it is given?
 *
 *   itest.test [-v] [-truth FILE] [COUNT]
 *
 * inserts COUNT values (1000 if it isn't given), the same ones in every run. With -v it says how many there
 * were and how large they were together; with -truth it writes a line "LENGTH EXPIRY" for each, which is what a
 * tracer should have seen. Flags that begin with -test. are ignored.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SIZE = 32, SLOTS = 512, LARGEST = 24 * 1024, DAY = 24 * 60 * 60 };

/* Passed by value: on x86-64 and on arm64 it travels in two registers. */
struct ByteSliceView {
    const uint8_t *data;
    uint64_t len;
};

struct Slot {
    uint8_t key[KEY_SIZE];
    uint8_t *data;
    uint64_t len;
    int64_t expiry;
};

static struct Slot slots[SLOTS];

/* Stores a copy of a value; expiry is in seconds since 1970, or 0 for never. Returns 0, or -1 without memory. */
__attribute__((noinline)) int cache_insert(const uint8_t *key, struct ByteSliceView value, int64_t expiry)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (int i = 0; i < KEY_SIZE; i++)
        hash = (hash ^ key[i]) * 1099511628211u;
    struct Slot *slot = &slots[hash % SLOTS];
    uint8_t *copy = realloc(slot->data, value.len ? value.len : 1);
    if (copy == NULL)
        return -1;
    memcpy(copy, value.data, value.len);
    memcpy(slot->key, key, KEY_SIZE);
    slot->data = copy;
    slot->len = value.len;
    slot->expiry = expiry;
    return 0;
}

/* The n-th random number (splitmix64). */
static uint64_t random_at(uint64_t n)
{
    uint64_t x = (n + 1) * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* Mostly sessions of about 1 KiB, some thumbnails of about 7 KiB, and now and then a page above 16 KiB. */
static uint64_t length_of(uint64_t random)
{
    uint64_t kind = random % 20, a = (random >> 16) % 512, b = (random >> 32) % 512;
    if (kind == 0)
        return 16 * 1024 + 8 * a;
    return (kind < 6 ? 6 * 1024 : 512) + a + b;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

int main(int argc, char **argv)
{
    uint64_t count = 1000, sum = 0;
    int verbose = 0;
    FILE *truth = NULL;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "-test.", 6) == 0) {
            continue;
        } else if (strcmp(argv[i], "-v") == 0) {
            verbose = 1;
        } else if (strcmp(argv[i], "-truth") == 0 && i + 1 < argc) {
            if ((truth = fopen(argv[++i], "w")) == NULL)
                die(argv[i]);
        } else if (*argv[i] == '-' || sscanf(argv[i], "%" SCNu64 "%c", &count, &(char){0}) != 1) {
            fprintf(stderr, "usage: %s [-v] [-truth FILE] [COUNT]\n", argv[0]);
            return 2;
        }
    }
    static uint8_t bytes[LARGEST];
    for (uint64_t n = 0; n < count; n++) {
        uint64_t random = random_at(n);
        uint8_t key[KEY_SIZE] = {0};
        memcpy(key, &random, sizeof random);
        struct ByteSliceView value = {bytes, length_of(random)};
        int64_t expiry = random >> 62 ? 1700000000 + (int64_t)(random >> 48) % 30 * DAY : 0;
        if (truth)
            fprintf(truth, "%" PRIu64 " %" PRId64 "\n", value.len, expiry);
        if (cache_insert(key, value, expiry))
            die("insert");
        sum += value.len;
    }
    if (truth && fclose(truth))
        die("truth");
    if (verbose)
        printf("inserted %" PRIu64 " values, %" PRIu64 " bytes\n", count, sum);
    return 0;
}
