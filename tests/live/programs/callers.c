/* Calls a function directly, from a library that is gone again by the end, from two functions of one name, at a depth
 * of its choice, and from threads. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEPT __attribute__((noinline, noclone))
#define USE(x) __asm__ volatile("" : "+r"(x))

long same_too(long v);

KEPT long value(long v)
{
    USE(v);
    return v + 1;
}

KEPT static long same(long v)
{
    long found = value(v);
    USE(found);
    return found;
}

KEPT long down(long n)
{
    long found = n ? down(n - 1) : value(n);
    USE(found);
    return found;
}

KEPT long work(long v)
{
    long found = value(v) + same(v);
    found += same_too(v);
    return found;
}

static void *thread(void *rounds)
{
    for (long n = 0; n < (long)rounds; n++)
        down(n % 40);
    return rounds;
}

int main(int count, char **words)
{
    long found = 0;
    if (count > 2 && !strcmp(words[1], "library")) {
        void *library = dlopen(words[2], RTLD_NOW);
        long (*each)(long (*)(long), long) = dlsym(library, "each");
        found = each(value, 4);
        dlclose(library);
    } else if (count > 2 && !strcmp(words[1], "down")) {
        found = down(atol(words[2]));
    } else if (count > 3 && !strcmp(words[1], "threads")) {
        pthread_t threads[64];
        int all = atoi(words[2]);
        for (int n = 0; n < all; n++)
            pthread_create(&threads[n], 0, thread, (void *)atol(words[3]));
        for (int n = 0; n < all; n++)
            pthread_join(threads[n], 0);
    } else if (count > 1 && !strcmp(words[1], "wait")) {
        char byte;
        found = read(0, &byte, 1);
        work(found);
    } else {
        for (long n = 0; n < 3; n++)
            found += work(n);
    }
    return found < 0;
}
