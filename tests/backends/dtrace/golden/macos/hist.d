/* uprobe:./a:f { @ = hist(arg0) } */
/* arg0 is the register rdi on x86_64 */
/* $target is the process that dtrace is given: -c COMMAND or -p PID */

pid$target:a:f:entry
{
  @ = quantize(arg0);
}
