#pragma D option quiet
#pragma D option strsize=64
BEGIN
{
  printf("4611686026205165681 ready\n");
}
/* @n = count(); @s = sum(arg0); @l = min(arg0); @g = max(arg0); @a = avg((uint64)arg0); @t = stats(arg0) */
pid77:a.out:-:555555555139
/pid == 77/
{
  @h0 = count();
}
pid77:a.out:-:555555555139
/pid == 77/
{
  this->x0_1i = arg0;
  this->x0_2i = arg0;
  this->x0_3i = arg0;
  this->x0_4u = (uint64_t)arg0;
  this->x0_4uo = (int64_t)(this->x0_4u - (uint64_t)0x8000000000000000);
  this->x0_5i = arg0;
  @t0 = count();
  @c0 = count();
  @x1 = max(this->x0_1i);
  @n1 = min(this->x0_1i);
  @s1 = sum((int64_t)this->x0_1i);
  @c1 = count();
  @x2 = max(this->x0_2i);
  @n2 = min(this->x0_2i);
  @s2 = sum((int64_t)this->x0_2i);
  @c2 = count();
  @x3 = max(this->x0_3i);
  @n3 = min(this->x0_3i);
  @s3 = sum((int64_t)this->x0_3i);
  @c3 = count();
  @x4 = max(this->x0_4uo);
  @n4 = min(this->x0_4uo);
  @s4 = sum((int64_t)this->x0_4u);
  @c4 = count();
  @x5 = max(this->x0_5i);
  @n5 = min(this->x0_5i);
  @s5 = sum((int64_t)this->x0_5i);
  @c5 = count();
}
END
{
  printf("4611686026205165681 result %d\n", timestamp);
  printa("h0 %@d\n", @h0);
  printa("t0 %@d\n", @t0);
  printa("c0 %@d\n", @c0);
  printa("c1 %@d\n", @c1);
  printa("s1 %@d\n", @s1);
  printa("n1 %@d\n", @n1);
  printa("x1 %@d\n", @x1);
  printa("c2 %@d\n", @c2);
  printa("s2 %@d\n", @s2);
  printa("n2 %@d\n", @n2);
  printa("x2 %@d\n", @x2);
  printa("c3 %@d\n", @c3);
  printa("s3 %@d\n", @s3);
  printa("n3 %@d\n", @n3);
  printa("x3 %@d\n", @x3);
  printa("c4 %@d\n", @c4);
  printa("s4 %@d\n", @s4);
  printa("n4 %@d\n", @n4);
  printa("x4 %@d\n", @x4);
  printa("c5 %@d\n", @c5);
  printa("s5 %@d\n", @s5);
  printa("n5 %@d\n", @n5);
  printa("x5 %@d\n", @x5);
  printf("4611686026205165681 done\n");
}
