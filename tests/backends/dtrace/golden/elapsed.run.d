#pragma D option quiet
#pragma D option strsize=64
BEGIN
{
  printf("4611686026205165681 ready\n");
}
/* @time = hist(elapsed); @value = stats(retval) */
pid77:a:f:entry,
pid77:a:f:return
/pid == 77/
{
  @h0 = count();
}
pid77:a:f:entry
/pid == 77/
{
  @e0 = count();
  self->started0[uregs[R_RSP], 0] = timestamp;
}
pid77:a:f:return
/pid == 77/
{
  @r0 = count();
  this->started = (uint64_t)0;
}
pid77:a:f:return
/pid == 77/
{
  this->started = self->started0[uregs[R_RSP] - 8, 0];
  this->elapsed = (int64_t)(timestamp - this->started);
  self->started0[uregs[R_RSP] - 8, 0] = 0;
}
pid77:a:f:return
/pid == 77 && this->started != 0 && arg1 >= 0/
{
  this->x0_0i = this->elapsed;
  this->x0_0ibm = (uint64_t)(this->x0_0i < 0 ? -this->x0_0i : this->x0_0i);
  this->x0_0ibn = this->x0_0ibm >> 0; this->x0_0ibe = (uint64_t)0;
  this->x0_0ibs = (uint64_t)((this->x0_0ibn >> 32) != 0 ? 32 : 0); this->x0_0ibn = this->x0_0ibn >> this->x0_0ibs; this->x0_0ibe = this->x0_0ibe + this->x0_0ibs;
  this->x0_0ibs = (uint64_t)((this->x0_0ibn >> 16) != 0 ? 16 : 0); this->x0_0ibn = this->x0_0ibn >> this->x0_0ibs; this->x0_0ibe = this->x0_0ibe + this->x0_0ibs;
  this->x0_0ibs = (uint64_t)((this->x0_0ibn >> 8) != 0 ? 8 : 0); this->x0_0ibn = this->x0_0ibn >> this->x0_0ibs; this->x0_0ibe = this->x0_0ibe + this->x0_0ibs;
  this->x0_0ibs = (uint64_t)((this->x0_0ibn >> 4) != 0 ? 4 : 0); this->x0_0ibn = this->x0_0ibn >> this->x0_0ibs; this->x0_0ibe = this->x0_0ibe + this->x0_0ibs;
  this->x0_0ibs = (uint64_t)((this->x0_0ibn >> 2) != 0 ? 2 : 0); this->x0_0ibn = this->x0_0ibn >> this->x0_0ibs; this->x0_0ibe = this->x0_0ibe + this->x0_0ibs;
  this->x0_0ibe = this->x0_0ibe + (uint64_t)((this->x0_0ibn >> 1) != 0 ? 1 : 0);
  this->x0_0ibb = (this->x0_0ibm >> this->x0_0ibe) << this->x0_0ibe;
  this->x0_0ib = (this->x0_0i < 0 ? -(int64_t)this->x0_0ibb : (int64_t)this->x0_0ibb);
  this->x0_1i = arg1;
  @t0 = count();
  @x0 = max(this->x0_0i);
  @n0 = min(this->x0_0i);
  @s0 = sum((int64_t)this->x0_0i);
  @b0[this->x0_0ib] = count();
  @c0 = count();
  @x1 = max(this->x0_1i);
  @n1 = min(this->x0_1i);
  @s1 = sum((int64_t)this->x0_1i);
  @c1 = count();
}
END
{
  printf("4611686026205165681 result %d\n", timestamp);
  printa("h0 %@d\n", @h0);
  printa("t0 %@d\n", @t0);
  printa("e0 %@d\n", @e0);
  printa("r0 %@d\n", @r0);
  printa("b0 %d %@d\n", @b0);
  printa("c0 %@d\n", @c0);
  printa("s0 %@d\n", @s0);
  printa("n0 %@d\n", @n0);
  printa("x0 %@d\n", @x0);
  printa("c1 %@d\n", @c1);
  printa("s1 %@d\n", @s1);
  printa("n1 %@d\n", @n1);
  printa("x1 %@d\n", @x1);
  printf("4611686026205165681 done\n");
}
