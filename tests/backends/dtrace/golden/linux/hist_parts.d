/* uprobe:./a:f { @ = hist((uint64)arg0, 3) } */
/* arg0 is the register rdi on x86_64 */
/* $target is the process that dtrace is given: -c COMMAND or -p PID */

pid$target:a:f:entry
{
  /* dtrace has no such buckets: the last key is a value inside of each */
  this->x1 = (uint64_t)arg0;
  this->x1bm = this->x1;
  this->x1bn = this->x1bm >> 3; this->x1be = (uint64_t)0;
  this->x1bs = (uint64_t)((this->x1bn >> 32) != 0 ? 32 : 0); this->x1bn = this->x1bn >> this->x1bs; this->x1be = this->x1be + this->x1bs;
  this->x1bs = (uint64_t)((this->x1bn >> 16) != 0 ? 16 : 0); this->x1bn = this->x1bn >> this->x1bs; this->x1be = this->x1be + this->x1bs;
  this->x1bs = (uint64_t)((this->x1bn >> 8) != 0 ? 8 : 0); this->x1bn = this->x1bn >> this->x1bs; this->x1be = this->x1be + this->x1bs;
  this->x1bs = (uint64_t)((this->x1bn >> 4) != 0 ? 4 : 0); this->x1bn = this->x1bn >> this->x1bs; this->x1be = this->x1be + this->x1bs;
  this->x1bs = (uint64_t)((this->x1bn >> 2) != 0 ? 2 : 0); this->x1bn = this->x1bn >> this->x1bs; this->x1be = this->x1be + this->x1bs;
  this->x1be = this->x1be + (uint64_t)((this->x1bn >> 1) != 0 ? 1 : 0);
  this->x1bb = (this->x1bm >> this->x1be) << this->x1be;
  this->x1b = (int64_t)this->x1bb;
  @[this->x1b] = count();
}
