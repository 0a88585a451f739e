/* uretprobe:./a:f /retval >= 0/ { @time = hist(elapsed); @value = stats(retval) } */
/* $target is the process that dtrace is given: -c COMMAND or -p PID */
/* on Linux a return probe ends Go programs, and others when an exception passes */

pid$target:a:f:entry
{
  self->started0[uregs[R_RSP]] = timestamp;
}
pid$target:a:f:return
/self->started0[uregs[R_RSP] - 8]/
{
  this->elapsed = (int64_t)(timestamp - self->started0[uregs[R_RSP] - 8]);
  this->counts = arg1 >= 0;
}
pid$target:a:f:return
/self->started0[uregs[R_RSP] - 8] && this->counts/
{
  @time = quantize(this->elapsed);
  @value_count = count();
  @value_avg = avg(arg1);
  @value_sum = sum(arg1);
  @value_min = min(arg1);
  @value_max = max(arg1);
}
pid$target:a:f:return
/self->started0[uregs[R_RSP] - 8]/
{
  self->started0[uregs[R_RSP] - 8] = 0;
}

END
{
  printf("\n@time:\n"); printa(@time);
  printf("\n@value_count:\n"); printa(@value_count);
  printf("\n@value_avg:\n"); printa(@value_avg);
  printf("\n@value_sum:\n"); printa(@value_sum);
  printf("\n@value_min:\n"); printa(@value_min);
  printf("\n@value_max:\n"); printa(@value_max);
}
