/* Calls work() from processes that change: crowd MODE CALLS
 *
 * It waits for a byte on its standard input first, and calls work() so often.
 *
 * leader   in each of two threads, when the main thread has ended
 * exec     in one of several threads, which becomes this program again, and then there once more
 * setuid   as root, and again as nobody
 * bomb     once in each of so many processes, of which 50 are there at once
 * again    ten times in each of so many processes, which have the same id, one after the other
 */
#define _GNU_SOURCE
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((noinline, noclone)) long work(long v)
{
    __asm__ volatile("" : "+r"(v) : : "memory");
    return v;
}

static long calls;
static const char *mode, *words;

static void call_all(long times)
{
    for (long n = 0; n < times; n++)
        work(n);
}

static void await(void)
{
    char go;
    if (read(0, &go, 1) != 1)
        _exit(96);
}

static int going;

static void *thread(void *reads)
{
    if (reads) {
        await();
        __atomic_store_n(&going, 1, __ATOMIC_SEQ_CST);
    }
    while (!__atomic_load_n(&going, __ATOMIC_SEQ_CST))
        usleep(1000);
    call_all(calls);
    return 0;
}

static void *becoming(void *own)
{
    await();
    call_all(calls);
    execl(own, own, "rest", words, (char *)0);
    _exit(98);
}

static void bomb(void)
{
    for (long made = 0, ended = 0; ended < calls;) {
        if (made < calls && made - ended < 50) {
            if (!fork()) {
                work(made);
                _exit(0);
            }
            made++;
        } else if (waitpid(-1, 0, 0) > 0)
            ended++;
    }
}

/* The id of the first is asked for again as soon as it is free: clone3(2), since Linux 5.5. */
static void again(void)
{
    pid_t id = 0;
    for (long n = 0; n < calls;) {
        struct clone_args wanted = {.exit_signal = SIGCHLD, .set_tid = id ? (uintptr_t)&id : 0, .set_tid_size = id != 0};
        long child = syscall(SYS_clone3, &wanted, sizeof wanted);
        if (!child) {
            call_all(10);
            _exit(0);
        }
        if (child < 0) /* another process has it just now */
            continue;
        id = (pid_t)child;
        waitpid(id, 0, 0);
        n++;
    }
}

int main(int count, char **arguments)
{
    pthread_t threads[2];
    if (count < 3)
        return 97;
    mode = arguments[1], words = arguments[2], calls = atol(words);
    if (!strcmp(mode, "rest")) {
        call_all(calls);
    } else if (!strcmp(mode, "leader")) {
        pthread_create(&threads[0], 0, thread, &going);
        pthread_create(&threads[1], 0, thread, 0);
        pthread_exit(0);
    } else if (!strcmp(mode, "exec")) {
        pthread_create(&threads[0], 0, becoming, "/proc/self/exe");
        pause();
    } else {
        await();
        if (!strcmp(mode, "bomb"))
            bomb();
        else if (!strcmp(mode, "again"))
            again();
        else {
            call_all(calls);
            if (setuid(65534))
                return 95;
            call_all(calls);
        }
    }
    return 0;
}
