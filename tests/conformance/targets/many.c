/* A hundred functions, each called as often as its number says. */
#include "truth.h"

#define TEN(F, n) F(n##0) F(n##1) F(n##2) F(n##3) F(n##4) F(n##5) F(n##6) F(n##7) F(n##8) F(n##9)
#define HUNDRED(F) TEN(F, 0) TEN(F, 1) TEN(F, 2) TEN(F, 3) TEN(F, 4) TEN(F, 5) TEN(F, 6) TEN(F, 7) TEN(F, 8) TEN(F, 9)

#define DEFINE(n) PROBED void many_##n(int64_t v) { USE(v + 1##n); }
HUNDRED(DEFINE)
PROBED void other_many(int64_t v) { USE(v); }

#define CALL(n)                                        \
    for (int64_t v = 0; v <= 1##n - 100; v += 7) {     \
        begin(&line, "uprobe", "many_" #n);            \
        word(&line, " arg0=%lld", (long long)v);       \
        end(&line);                                    \
        many_##n(v);                                   \
    }

int main(void)
{
    struct line line;
    HUNDRED(CALL)
    for (int64_t v = 0; v < 10; v++)
        other_many(v);
    return 0;
}
