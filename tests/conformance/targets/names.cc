/* Arguments of C++: members, strings, vectors, overloads, and functions that are left by an exception. */
#include "truth.h"
#include <string>
#include <string_view>
#include <vector>

namespace shop {

class Cart {
  public:
    PROBED long put(const std::string &name, std::string_view note, std::vector<uint32_t> sizes, int16_t discount)
    {
        USE(&name); USE(note.data()); USE(note.size()); USE(&sizes); USE(discount);
        return items += static_cast<long>(sizes.size());
    }
    PROBED long add(int count)
    {
        USE(count);
        return items += count;
    }
    PROBED long add(long count)
    {
        USE(count);
        return items -= count;
    }
    long items = 0;
};

PROBED long check(long n)
{
    USE(n);
    if (n % 4 == 0)
        throw n;
    return -n;
}

}  // namespace shop

int main()
{
    struct line line;
    shop::Cart cart;
    for (int i = 0; i < 40; i++) {
        std::string name(static_cast<size_t>(i), 'n'), note = "note \"" + std::to_string(i % 3) + "\"\n";
        std::vector<uint32_t> sizes(static_cast<size_t>(i % 7), 1000u * static_cast<uint32_t>(i));
        int16_t discount = static_cast<int16_t>(-i * 300);
        begin(&line, "uprobe", "shop::Cart::put");
        word(&line, " this->items=%ld len(name)=%zu len(note)=%zu len(sizes)=%zu discount=%d", cart.items,
             name.size(), note.size(), sizes.size(), discount);
        string(&line, "str(note)", note.data(), note.size());
        end(&line);
        cart.put(name, note, sizes, discount);
        begin(&line, "uprobe", "shop::Cart::add(int)");
        word(&line, " count=%d", i - 20);
        string(&line, "func", "shop::Cart::add", 15);
        end(&line);
        cart.add(i - 20);
        cart.add(static_cast<long>(i));
        try {
            long result = shop::check(i);
            begin(&line, "uretprobe", "shop::check");
            word(&line, " retval=%ld", result);
        } catch (long) {
            begin(&line, "unreturned", "shop::check");
        }
        end(&line);
    }
}
