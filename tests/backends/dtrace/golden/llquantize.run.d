#pragma D option quiet
#pragma D option strsize=64
BEGIN
{
  printf("4611686026205165681 ready\n");
}
/* @ = llquantize(arg0, 10, 0, 3, 10) */
pid77:a.out:-:555555555139
/pid == 77/
{
  @h0 = count();
}
pid77:a.out:-:555555555139
/pid == 77/
{
  this->x0_0i = arg0;
  this->x0_0ibm = (uint64_t)(this->x0_0i < 0 ? -this->x0_0i : this->x0_0i);
  this->x0_0ibf = (this->x0_0ibm >= (uint64_t)100 ? (this->x0_0ibm >= (uint64_t)1000 ? (uint64_t)1000 : (uint64_t)100) : (this->x0_0ibm >= (uint64_t)10 ? (uint64_t)10 : (uint64_t)1));
  this->x0_0ibw = (this->x0_0ibm >= (uint64_t)100 ? (this->x0_0ibm >= (uint64_t)1000 ? (uint64_t)1000 : (uint64_t)100) : (this->x0_0ibm >= (uint64_t)10 ? (uint64_t)10 : (uint64_t)1));
  this->x0_0ibb = this->x0_0ibm / this->x0_0ibw * this->x0_0ibw;
  this->x0_0ibb = (this->x0_0ibb < this->x0_0ibf ? this->x0_0ibf : this->x0_0ibb);
  this->x0_0ibb = (this->x0_0ibm < (uint64_t)1 ? (uint64_t)0 : this->x0_0ibm >= (uint64_t)10000 ? (uint64_t)10000 : this->x0_0ibb);
  this->x0_0ib = (this->x0_0i < 0 ? -(int64_t)this->x0_0ibb : (int64_t)this->x0_0ibb);
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
