/* uprobe:./a:f { @ = lhist(arg0, 0, 1099511627776, 1073741824) } */
/* arg0 is the register rdi on x86_64 */
/* $target is the process that dtrace is given: -c COMMAND or -p PID */

pid$target:a:f:entry
{
  /* dtrace has no such buckets: the last key is a value inside of each */
  this->x1 = arg0;
  this->x1b = (int64_t)(this->x1 >= (int64_t)1099511627776 ? (int64_t)1099511627776 : this->x1 < (int64_t)0 ? (int64_t)-1 : (int64_t)((uint64_t)0 + ((uint64_t)this->x1 - (uint64_t)0) / (uint64_t)1073741824 * (uint64_t)1073741824));
  @[this->x1b] = count();
}
