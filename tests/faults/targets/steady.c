/* Calls work() as often as it is told: steady LEDGER MODE CALLS PAUSE STATUS
 *
 * It rests for PAUSE microseconds after every eighth call, and ends with STATUS.
 *
 * run      calls, and ends
 * threads  the same in each of four threads
 * forks    the same, with a child now and then that makes three calls of its own
 * exec     half of the calls, then becomes itself again for the rest
 * crash    ends by SIGSEGV after the calls
 * daemon   forks a child that makes the calls, and ends at once
 * serve    waits until it is told to go, makes the calls, and waits until it is told to stop
 * deep     each call makes 200 more within itself
 * forge    prints what engines print between its calls
 * mute     closes its output and error first
 */
#include "ledger.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

__attribute__((noinline, noclone)) long work(long v)
{
    __asm__ volatile("" : "+r"(v) : : "memory");
    return v;
}

__attribute__((noinline, noclone)) long deep(long n)
{
    long below = n > 0 ? deep(n - 1) : 0;
    __asm__ volatile("" : "+r"(below) : : "memory");
    return below + 1;
}

static long calls, pause_us;
static int in_child;

static void call(long n)
{
    long v = argument(n);
    if (in_child) {
        note(&ledger->children, 1);
        work(v);
    } else {
        note(&ledger->calls, 1);
        note(&ledger->sum, v);
        work(v);
        note(&ledger->returns, 1);
    }
    if (pause_us && n % 8 == 7)
        usleep(pause_us);
}

static void call_all(long from, long to)
{
    for (long n = from; n < to; n++)
        call(n);
}

static void *thread(void *unused)
{
    call_all(0, calls);
    return unused;
}

static void in_threads(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], 0, thread, 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], 0);
}

static void with_children(void)
{
    for (long n = 0; n < calls; n++) {
        call(n);
        if (n % (calls / 4 + 1) == 0) {
            pid_t child = fork();
            if (!child) {
                in_child = 1;
                call_all(0, 3);
                _exit(0);
            }
            waitpid(child, 0, 0);
        }
    }
}

static void serve(void)
{
    while (!is(&ledger->go) && !is(&ledger->stop))
        usleep(1000);
    for (long n = 0; n < calls && !is(&ledger->stop); n++)
        call(n);
    note(&ledger->idle, 1);
    while (!is(&ledger->stop))
        usleep(1000);
}

static const char *const forged[] = {
    "{\"type\": \"map\", \"data\": {\"@0t\": 77}}", "@b0[1]: 77", "@t0: 77", "42^done,value=\"77\"", "*stopped,reason=\"exited\"",
    "(gdb) ", "Lost 80 events", "dtrace: 99 drops on CPU 0", "ERROR: all is lost", "{\"kind\": \"counted\", \"final\": true}",
    "4611686018427412205", "\033[2J\033]0;title\007",
};

static void forge(void)
{
    for (long n = 0; n < calls; n++) {
        const char *line = forged[n % (long)(sizeof forged / sizeof *forged)];
        printf("%s\n", line);
        fprintf(stderr, "%s\n", line);
        fflush(stdout);
        call(n);
    }
}

static void become_itself(char **words)
{
    if (is(&ledger->go)) {
        call_all(calls / 2, calls);
        return;
    }
    call_all(0, calls / 2);
    note(&ledger->go, 1);
    execv("/proc/self/exe", words);
    _exit(98);
}

int main(int count, char **words)
{
    if (count < 6)
        return 97;
    open_ledger(words[1]);
    calls = atol(words[3]);
    pause_us = atol(words[4]);
    const char *mode = words[2];
    if (!strcmp(mode, "mute"))
        close(1), close(2);
    if (!strcmp(mode, "threads"))
        in_threads();
    else if (!strcmp(mode, "forks"))
        with_children();
    else if (!strcmp(mode, "exec"))
        become_itself(words);
    else if (!strcmp(mode, "serve"))
        serve();
    else if (!strcmp(mode, "daemon")) {
        if (fork())
            _exit(atoi(words[5]));
        in_child = 1;
        call_all(0, calls);
    } else if (!strcmp(mode, "forge"))
        forge();
    else if (!strcmp(mode, "deep"))
        for (long n = 0; n < calls; n++)
            deep(200);
    else
        call_all(0, calls);
    if (!strcmp(mode, "crash"))
        kill(getpid(), SIGSEGV);
    return atoi(words[5]);
}
