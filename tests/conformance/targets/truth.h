/* Writes the true values to the file that $TRUTH names: a line for each event.
 *
 *   SITE WORD…       SITE is a probe as in a program, of binaries only their names: uprobe:calls:value
 *   NAME=NUMBER      arg0, retval, pid, xmm0, value.len, …; a `u` after it says that it is unsigned, of 64 bits
 *   NAME=0x1.8p+0    the same as a float, as printf's %a has it; also inf and nan
 *   NAME=LOW..HIGH   what lies between: how long a call took
 *   @ADDRESS=HEX     memory that the event can read
 *   "NAME=HEX        a string: comm, str(name), …
 *   times=COUNT      how many such events there were; 1 without it
 *
 * Each line is one write at the file's end, so threads, forks and whatever comes after exec may all write. */
#ifndef TRUTH_H
#define TRUTH_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifdef __clang__
#define PROBED __attribute__((noinline))
#else
#define PROBED __attribute__((noinline, noclone))
#endif
#define USE(x) __asm__ volatile("" ::"r"((int64_t)(x)) : "memory")
#define UNUSED __attribute__((unused))

struct line {
    char text[16384];
    int length;
};

__attribute__((format(printf, 2, 3))) static void word(struct line *line, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    line->length += vsnprintf(line->text + line->length, sizeof line->text - line->length, format, list);
    va_end(list);
}

static void hex(struct line *line, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        word(line, "%02x", ((const uint8_t *)bytes)[i]);
}

UNUSED static void string(struct line *line, const char *name, const void *bytes, size_t size)
{
    word(line, " \"%s=", name);
    hex(line, bytes, size);
}

UNUSED static void readable(struct line *line, const void *bytes, size_t size)
{
    word(line, " @%llu=", (unsigned long long)(uintptr_t)bytes);
    hex(line, bytes, size);
}

/* The binary of a site may be another than the program: a library. */
static void begin_in(struct line *line, const char *kind, const char *binary, const char *name)
{
    char comm[16];
    prctl(PR_GET_NAME, comm);
    line->length = 0;
    word(line, "%s:%s%s%s pid=%d tid=%ld", kind, binary, *binary ? ":" : "", name, getpid(), syscall(SYS_gettid));
    string(line, "comm", comm, strlen(comm));
}

UNUSED static void begin(struct line *line, const char *kind, const char *name)
{
    begin_in(line, kind, program_invocation_short_name, name);
}

static void end(struct line *line)
{
    static int file = -1;
    if (file < 0)
        file = open(getenv("TRUTH"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    word(line, "\n");
    if (line->length >= (int)sizeof line->text || write(file, line->text, line->length) != line->length)
        abort();
}

UNUSED static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}
#endif
