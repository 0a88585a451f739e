/* uprobe:./a:f { @ = llquantize(arg0, 10, 0, 3, 10) } */
/* arg0 is the register rdi on x86_64 */
/* $target is the process that dtrace is given: -c COMMAND or -p PID */

pid$target:a:f:entry
{
  /* dtrace has no such buckets: the last key is a value inside of each */
  this->x1 = arg0;
  this->x1bm = (uint64_t)(this->x1 < 0 ? -this->x1 : this->x1);
  this->x1bf = (this->x1bm >= (uint64_t)100 ? (this->x1bm >= (uint64_t)1000 ? (uint64_t)1000 : (uint64_t)100) : (this->x1bm >= (uint64_t)10 ? (uint64_t)10 : (uint64_t)1));
  this->x1bw = (this->x1bm >= (uint64_t)100 ? (this->x1bm >= (uint64_t)1000 ? (uint64_t)1000 : (uint64_t)100) : (this->x1bm >= (uint64_t)10 ? (uint64_t)10 : (uint64_t)1));
  this->x1bb = this->x1bm / this->x1bw * this->x1bw;
  this->x1bb = (this->x1bb < this->x1bf ? this->x1bf : this->x1bb);
  this->x1bb = (this->x1bm < (uint64_t)1 ? (uint64_t)0 : this->x1bm >= (uint64_t)10000 ? (uint64_t)10000 : this->x1bb);
  this->x1b = (this->x1 < 0 ? -(int64_t)this->x1bb : (int64_t)this->x1bb);
  @[this->x1b] = count();
}
