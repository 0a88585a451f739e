/* uprobe:./a:f { @ = hist(arg7); @far = hist(arg12) } */
/* arg7 is on the stack on x86_64 */
/* arg12 is on the stack on x86_64 */
/* $target is the process that dtrace is given: -c COMMAND or -p PID */

pid$target:a:f:entry
{
  @ = quantize(arg7);
  @far = quantize(*(int64_t *)copyin(uregs[R_RSP] + 56, 8));
}

END
{
  printf("\n@:\n"); printa(@);
  printf("\n@far:\n"); printa(@far);
}
