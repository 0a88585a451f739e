// talks LINES: says whether it has a terminal, prints that many lines, and then calls for ever, with hostile names,
// and prints a line now and then.
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

__attribute__((noinline, noclone)) void called(const char *key, long value) {
  __asm__ volatile("" : : "r"(key), "r"(value));
}

int main(int count, char **words) {
  (void)count;
  prctl(PR_SET_NAME, "\x1b[2J\x1b]0;owned\a");
  setvbuf(stdout, 0, _IOLBF, 0);
  printf("out %d err %d\n", isatty(1), isatty(2));
  for (int line = 0; line < atoi(words[1]); line++) fprintf(line % 2 ? stderr : stdout, "line %d.\n", line);
  printf("\x1b[31mred\x1b[0m\nno end");
  fflush(stdout);
  for (long n = 0;; n++) {
    called("\x1b[?1049l\x1b[31mkey\r\n\x9b", n % 100);
    called("plain", n % 1000);
    called("plain", n % 10);
    if (n % 100 == 0) printf("late %ld.\n", n);
    usleep(1000);
  }
}
