/* A hundred calls with floats: mean(n * 0.5, n) for n from 0 on. */
__attribute__((noinline, noclone)) double mean(double p, float q)
{
    __asm__ volatile("");
    return (p + (double)q) / 2;
}

int main(void)
{
    volatile double total = 0;
    for (int n = 0; n < 100; n++)
        total += mean(n * 0.5, (float)n);
    return 0;
}
