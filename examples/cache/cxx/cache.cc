// The cache once more, in C++: 1000 values of 1 to 4 KiB, to keep for ever or for some seconds.
#include <cstdio>
#include <string>
#include <string_view>
#include <unordered_map>

namespace shop {

class Cache {
public:
    // For ever.
    bool insert(const std::string &key, std::string_view value);
    // For some seconds.
    bool insert(const std::string &key, std::string_view value, unsigned seconds);

private:
    std::unordered_map<std::string, std::string> entries;
    unsigned level = 0;
};

__attribute__((noinline)) bool Cache::insert(const std::string &key, std::string_view value)
{
    level++;
    return entries.insert_or_assign(key, std::string(value)).second;
}

__attribute__((noinline)) bool Cache::insert(const std::string &key, std::string_view value, unsigned seconds)
{
    level += seconds > 60;
    return entries.insert_or_assign(key, std::string(value)).second;
}

} // namespace shop

int main()
{
    shop::Cache cache;
    const std::string bytes(4096, 'x');
    unsigned fresh = 0;
    for (unsigned n = 0; n < 1000; n++) {
        const std::string key = "key " + std::to_string(n % 300);
        const std::string_view value(bytes.data(), 1024 + n * 3);
        fresh += n % 4 ? cache.insert(key, value) : cache.insert(key, value, n);
    }
    std::printf("%u keys\n", fresh);
}
