/* A second function `same`, and, as a library, one that calls back. */
long value(long v) __attribute__((weak));

__attribute__((noinline, noclone)) static long same(long v)
{
    long found = value(v);
    __asm__ volatile("" : "+r"(found));
    return found;
}

long same_too(long v)
{
    return same(v) + 1;
}

long each(long (*call)(long), long times)
{
    long found = 0;
    for (long n = 0; n < times; n++)
        found += call(n);
    return found;
}
