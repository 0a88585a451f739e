#pragma D option quiet
#pragma D option strsize=64
BEGIN
{
  seen = (uint64_t)0;
  printf("4611686026205165681 ready\n");
}
/* @ = hist(arg0) */
pid77:a.out:-:555555555139
/pid == 77/
{
  @h0 = count();
}
pid77:a.out:-:555555555139
/pid == 77/
{
  this->w0 = (int)(seen < 50 ? 1 : 0);
  seen = seen + (this->w0 != 0 ? 1 : 0);
}
pid77:a.out:-:555555555139
/pid == 77 && this->w0 != 0/
{
  this->x0_0i = arg0;
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
  @t0 = count();
  @x0 = max(this->x0_0i);
  @n0 = min(this->x0_0i);
  @s0 = sum((int64_t)this->x0_0i);
  @b0[this->x0_0ib] = count();
  @c0 = count();
}
pid77:a.out:-:555555555139
/pid == 77 && this->w0 != 0 && seen >= 50/
{
  exit(0);
}
END
{
  printf("4611686026205165681 result %d\n", timestamp);
  printa("h0 %@d\n", @h0);
  printa("t0 %@d\n", @t0);
  printa("b0 %d %@d\n", @b0);
  printa("c0 %@d\n", @c0);
  printa("s0 %@d\n", @s0);
  printa("n0 %@d\n", @n0);
  printa("x0 %@d\n", @x0);
  printf("4611686026205165681 done\n");
}
