/* uprobe:./a:f { @ = hist(arg0 < 0 ? -arg0 : arg0 / arg1) } */
/* arg0 is the register rdi on x86_64 */
/* arg1 is the register rsi on x86_64 */
/* $target is the process that dtrace is given: -c COMMAND or -p PID */

pid$target:a:f:entry
{
  @ = quantize(arg0 < 0 ? (-arg0) : (arg1 == 0 ? 0 : arg1 == -1 ? -arg0 : arg0 / arg1));
}
