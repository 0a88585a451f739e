/* uprobe:./itest.test:cache_insert { @bytes = lhist(arg2, 0, 16384, 128) } */
/* arg2 is the register rdx on x86_64 */
/* $target is the process that dtrace is given: -c COMMAND or -p PID */

pid$target:itest.test:cache_insert:entry
{
  @bytes = lquantize(arg2, 0, 16384, 128);
}
