#pragma D option quiet
#pragma D option strsize=64
BEGIN
{
  printf("4611686026205165681 ready\n");
}
/* @ = lhist(arg0, 0, 1099511627776, 1073741824) */
pid77:a.out:-:555555555139
/pid == 77/
{
  @h0 = count();
}
pid77:a.out:-:555555555139
/pid == 77/
{
  this->x0_0i = arg0;
  this->x0_0ib = (int64_t)(this->x0_0i >= (int64_t)1099511627776 ? (int64_t)1099511627776 : this->x0_0i < (int64_t)0 ? (int64_t)-1 : (int64_t)((uint64_t)0 + ((uint64_t)this->x0_0i - (uint64_t)0) / (uint64_t)1073741824 * (uint64_t)1073741824));
  @t0 = count();
  @x0 = max(this->x0_0i);
  @n0 = min(this->x0_0i);
  @s0 = sum((int64_t)this->x0_0i);
  @b0[this->x0_0ib] = count();
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
