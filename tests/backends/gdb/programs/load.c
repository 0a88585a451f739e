/* Calls entered() of the library that its argument names, or of the one that it is linked with. */
#include <dlfcn.h>
#include <stdio.h>

#ifdef LINKED
long entered(long key);
#endif

int main(int argc, char **argv)
{
#ifdef LINKED
    (void)argc, (void)argv;
    long (*function)(long) = entered;
#else
    void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
    long (*function)(long) = library ? (long (*)(long))dlsym(library, "entered") : NULL;
#endif
    for (long i = 0; function && i < 100; i++)
        function(i);
    puts("done");
    return 0;
}
