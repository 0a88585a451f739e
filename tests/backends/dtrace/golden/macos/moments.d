/* uprobe:./a:f { @n = count(); @s = sum(arg0); @l = min(arg0); @g = max(arg0); @a = avg((uint64)arg0); @t = stats(arg0) } */
/* arg0 is the register rdi on x86_64 */
/* $target is the process that dtrace is given: -c COMMAND or -p PID */

pid$target:a:f:entry
{
  @n = count();
  @s = sum(arg0);
  @l = min(arg0);
  @g = max(arg0);
  /* dtrace takes values from 2 to the 63 on for negative ones */
  @a = avg((uint64_t)arg0);
  @t_count = count();
  @t_avg = avg(arg0);
  @t_sum = sum(arg0);
  @t_min = min(arg0);
  @t_max = max(arg0);
}

END
{
  printf("\n@n:\n"); printa(@n);
  printf("\n@s:\n"); printa(@s);
  printf("\n@l:\n"); printa(@l);
  printf("\n@g:\n"); printa(@g);
  printf("\n@a:\n"); printa(@a);
  printf("\n@t_count:\n"); printa(@t_count);
  printf("\n@t_avg:\n"); printa(@t_avg);
  printf("\n@t_sum:\n"); printa(@t_sum);
  printf("\n@t_min:\n"); printa(@t_min);
  printf("\n@t_max:\n"); printa(@t_max);
}
