#pragma D option quiet
#pragma D option strsize=64
BEGIN
{
  printf("4611686026205165681 ready\n");
}
/* @ = hist((uint64)arg0, 3) */
pid77:a.out:-:555555555139
/pid == 77/
{
  @h0 = count();
}
pid77:a.out:-:555555555139
/pid == 77/
{
  this->x0_0u = (uint64_t)arg0;
  this->x0_0uo = (int64_t)(this->x0_0u - (uint64_t)0x8000000000000000);
  this->x0_0ubm = this->x0_0u;
  this->x0_0ubn = this->x0_0ubm >> 3; this->x0_0ube = (uint64_t)0;
  this->x0_0ubs = (uint64_t)((this->x0_0ubn >> 32) != 0 ? 32 : 0); this->x0_0ubn = this->x0_0ubn >> this->x0_0ubs; this->x0_0ube = this->x0_0ube + this->x0_0ubs;
  this->x0_0ubs = (uint64_t)((this->x0_0ubn >> 16) != 0 ? 16 : 0); this->x0_0ubn = this->x0_0ubn >> this->x0_0ubs; this->x0_0ube = this->x0_0ube + this->x0_0ubs;
  this->x0_0ubs = (uint64_t)((this->x0_0ubn >> 8) != 0 ? 8 : 0); this->x0_0ubn = this->x0_0ubn >> this->x0_0ubs; this->x0_0ube = this->x0_0ube + this->x0_0ubs;
  this->x0_0ubs = (uint64_t)((this->x0_0ubn >> 4) != 0 ? 4 : 0); this->x0_0ubn = this->x0_0ubn >> this->x0_0ubs; this->x0_0ube = this->x0_0ube + this->x0_0ubs;
  this->x0_0ubs = (uint64_t)((this->x0_0ubn >> 2) != 0 ? 2 : 0); this->x0_0ubn = this->x0_0ubn >> this->x0_0ubs; this->x0_0ube = this->x0_0ube + this->x0_0ubs;
  this->x0_0ube = this->x0_0ube + (uint64_t)((this->x0_0ubn >> 1) != 0 ? 1 : 0);
  this->x0_0ubb = (this->x0_0ubm >> this->x0_0ube) << this->x0_0ube;
  this->x0_0ub = (int64_t)this->x0_0ubb;
  @t0 = count();
  @x0 = max(this->x0_0uo);
  @n0 = min(this->x0_0uo);
  @s0 = sum((int64_t)this->x0_0u);
  @b0[this->x0_0ub] = count();
  @c0 = count();
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
