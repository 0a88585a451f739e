// Passes values of C++'s own shapes, and writes the true value of each path to the file that it is given.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#ifdef __clang__
#define APART __attribute__((noinline))
#else
#define APART __attribute__((noipa)) // and no copy of it with parameters of its own
#endif

namespace cache {

struct Base {
    virtual ~Base() = default;
    int32_t level = 0;
};

enum class Mode : uint8_t { Fast = 1, Slow = 9 };

struct Entry {
    std::string key;
    std::vector<uint32_t> sizes;
    Mode mode;
};

class Cache : public Base {
  public:
    int64_t used = 0;
    std::map<int, int> tree;
    std::unordered_map<int, int> table;
    APART size_t insert(const Entry &entry, std::string_view view, std::vector<uint32_t> owned,
                                            std::unique_ptr<Entry> moved, const std::string &text, int32_t &counter);
    APART size_t insert(int32_t plain, double ratio, int32_t after);
};

template <typename T> struct Box {
    T value;
    APART T get(T less) const
    {
        asm volatile("" ::: "memory");
        return value - less;
    }
};

size_t Cache::insert(const Entry &entry, std::string_view view, std::vector<uint32_t> owned,
                     std::unique_ptr<Entry> moved, const std::string &text, int32_t &counter)
{
    asm volatile("" ::"r"(this), "r"(view.data()) : "memory");
    return entry.key.size() + view.size() + owned.size() + moved->key.size() + text.size() + (size_t)counter;
}

size_t Cache::insert(int32_t plain, double ratio, int32_t after)
{
    asm volatile("" ::"r"(this) : "memory");
    return (size_t)(plain * ratio) + (size_t)after;
}

} // namespace cache

static FILE *truth;
static void say(const char *path, long long value) { fprintf(truth, "%s %lld\n", path, value); }

int main(int argc, char **argv)
{
    truth = fopen(argv[1], "w");
    int count = argc > 2 ? atoi(argv[2]) : 50;
    cache::Cache it;
    for (int i = 0; i < count; i++) {
        cache::Entry entry{std::string((size_t)i, 'k'), std::vector<uint32_t>((size_t)i + 2, (uint32_t)i * 90001),
                           i % 2 ? cache::Mode::Slow : cache::Mode::Fast};
        auto moved = std::make_unique<cache::Entry>(cache::Entry{std::string((size_t)i * 2 + 1, 'm'), {}, entry.mode});
        std::string text = "text" + std::to_string(i % 3) + (i % 3 == 2 ? std::string(20, 'x') : "");
        std::string_view view(text.data(), (size_t)(i % 4));
        std::vector<uint32_t> owned((size_t)i * 3, 7);
        int32_t counter = -i;
        it.level = i * 3;
        it.used = (int64_t)i << 34;
        it.tree[i] = it.table[2 * i] = i;
        say("entry.key.size()", (long long)entry.key.size());
        say("len(entry.sizes)", (long long)entry.sizes.size());
        say("entry.sizes[1]", entry.sizes[1]);
        say("entry.mode", (long long)entry.mode);
        say("entry.mode == Slow", entry.mode == cache::Mode::Slow);
        say("view.size()", (long long)view.size());
        say("owned.size()", (long long)owned.size());
        say("moved->key.size()", (long long)moved->key.size());
        say("counter", counter);
        say("this->level", it.level);
        say("level", it.level);
        say("used", it.used);
        say("len(tree)", (long long)it.tree.size());
        say("this->table.size()", (long long)it.table.size());
        fprintf(truth, "str(text) %s\n", text.c_str());
        fprintf(truth, "str(view) %.*s\n", (int)view.size(), view.data());
        it.insert(entry, view, std::move(owned), std::move(moved), text, counter);
        say("plain", i * -5);
        say("after", i + 100);
        it.insert(i * -5, 0.5, i + 100);
        cache::Box<int16_t> box{(int16_t)(i * 9)};
        say("value", box.value);
        say("less", (int16_t)-i);
        box.get((int16_t)-i);
    }
    return fclose(truth);
}
