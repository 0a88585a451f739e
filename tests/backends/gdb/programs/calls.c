/* Calls insert() with values that its caller can compute: calls [-n N] [-p PAUSE_US] [-t THREADS] [-c CRASH_AT] [-w] */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

struct value {
    const char *data;
    unsigned long len;
};

__attribute__((noinline, noclone)) long insert(struct value value, int key, double weight, unsigned long tid)
{
    __asm__ volatile("" ::: "memory");
    return (long)value.len + key + (long)weight + (long)(tid & 1);
}

__attribute__((noinline, noclone)) long never(long value)
{
    __asm__ volatile("" ::: "memory");
    return value;
}

static long calls = 1000, pause_us, crash_at = -1;

static void *work(void *argument)
{
    long sum = 0;
    for (long i = 0; i < calls || calls < 0; i++) {
        struct value value = {"hello", 100 + 7 * (unsigned long)i};
        if (i == crash_at)
            raise(SIGSEGV);
        sum += insert(value, (int)((i + 1) * -3), (double)i / 2, (unsigned long)syscall(SYS_gettid));
        if (pause_us)
            usleep((useconds_t)pause_us);
    }
    *(long *)argument = sum;
    return NULL;
}

int main(int argc, char **argv)
{
    int option;
    long threads = 0, sum = 0, ready = 0;
    while ((option = getopt(argc, argv, "n:p:t:c:w")) != -1)
        switch (option) {
        case 'n': calls = atol(optarg); break;
        case 'p': pause_us = atol(optarg); break;
        case 't': threads = atol(optarg); break;
        case 'c': crash_at = atol(optarg); break;
        case 'w': ready = 1; break;
        default: return 2;
        }
    if (ready) {
        puts("ready");
        fflush(stdout);
    }
    pthread_t ids[64];
    long sums[64];
    for (long i = 0; i < threads; i++)
        pthread_create(&ids[i], NULL, work, &sums[i]);
    for (long i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    if (!threads)
        work(&sum);
    printf("sum %ld\n", sum + never(0));
    return 7;
}
