// Writes 0 to 99 bytes to /dev/null.
#include <fcntl.h>
#include <unistd.h>

int main(void) {
  char block[100] = {0};
  int file = open("/dev/null", O_WRONLY);
  for (int i = 0; i < 100; i++)
    if (write(file, block, i) != i) return 1;
  return 0;
}
