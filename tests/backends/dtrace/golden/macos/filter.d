/* uprobe:./a:f /arg0 > 0 && (comm == "x" || arg1 % 3 == 1)/ { @ = hist(arg1 >> 2) } */
/* arg0 is the register rdi on x86_64 */
/* arg1 is the register rsi on x86_64 */
/* $target is the process that dtrace is given: -c COMMAND or -p PID */

pid$target:a:f:entry
/arg0 > 0 && (execname == "x" || (arg1 % 3) == 1)/
{
  @ = quantize(arg1 >> 2);
}
