/* uprobe:./a:f / *(uint32*)(arg0 + 8) != 0/ { @ = hist(*(int16*)(arg0 + 12)) } */
/* arg0 is the register rdi on x86_64 */
/* $target is the process that dtrace is given: -c COMMAND or -p PID */
/* an event is left out, with an error, if an address of it can't be read */

pid$target:a:f:entry
/(int64_t)*(uint32_t *)copyin(arg0 + 8, 4) != 0/
{
  @ = quantize(*(int16_t *)copyin(arg0 + 12, 2));
}
