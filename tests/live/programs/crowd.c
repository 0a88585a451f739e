/* Many threads on one processor, of different nice values, pass strings of their own; where asked for, each string's
 * page has just been given back, so that reading it takes a wait, in which another thread comes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SIZE = 4096, THREADS = 64 };

static int file, rounds, away;

__attribute__((noinline)) void text(const char *s, long n)
{
    __asm__ volatile("" ::"r"(s), "r"(n) : "memory");
}

static void *work(void *number)
{
    long n = (long)number;
    setpriority(PRIO_PROCESS, syscall(SYS_gettid), n % 20);
    char *page = mmap(0, SIZE, PROT_READ, MAP_PRIVATE, file, SIZE * n);
    if (page == MAP_FAILED)
        exit(2);
    for (int i = 0; i < rounds; i++) {
        if (away) {
            madvise(page, SIZE, MADV_DONTNEED);
            posix_fadvise(file, SIZE * n, SIZE, POSIX_FADV_DONTNEED);
        }
        text(page, n);
    }
    return 0;
}

int main(int count, char **words)
{
    if (count < 4)
        return 1;
    rounds = atoi(words[2]);
    away = !strcmp(words[3], "away");
    file = open(words[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (long n = 0; n < THREADS; n++) {
        char page[SIZE] = {0};
        snprintf(page, sizeof page, "of thread %ld", n);
        if (pwrite(file, page, SIZE, SIZE * n) != SIZE)
            return 3;
    }
    fsync(file);
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    int processor = 0;
    while (!CPU_ISSET(processor, &set))
        processor++;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    if (sched_setaffinity(0, sizeof set, &set))
        return 4;
    pthread_t threads[THREADS];
    for (long n = 0; n < THREADS; n++)
        pthread_create(&threads[n], 0, work, (void *)n);
    for (int n = 0; n < THREADS; n++)
        pthread_join(threads[n], 0);
    return 0;
}
