/* A library whose constructor calls its own function; load.c has it mapped at the start or later. */
__attribute__((noinline, noclone, visibility("default"))) long entered(long key)
{
    __asm__ volatile("" ::: "memory");
    return key;
}

__attribute__((constructor)) static void begin(void)
{
    for (long i = 0; i < 3; i++)
        entered(1000 + i);
}
