/* syscall:write:return /retval > 0/ { @ = hist(retval) } */

syscall::write:return
/arg1 > 0/
{
  @ = quantize(arg1);
}
