#pragma D option quiet
#pragma D option strsize=64
BEGIN
{
  printf("4611686026205165681 ready\n");
}
/* @[func] = count() */
pid77:a.out:-:555555555139
/pid == 77/
{
  @h0 = count();
}
pid77:a.out:-:555555555139
/pid == 77/
{
  @t0 = count();
  @c0[0] = count();
}
/* @[func] = count() */
pid77:a.out:-:555555555139
/pid == 77/
{
  @h0 = count();
}
pid77:a.out:-:555555555139
/pid == 77/
{
  @t0 = count();
  @c0[1] = count();
}
END
{
  printf("4611686026205165681 result %d\n", timestamp);
  printa("h0 %@d\n", @h0);
  printa("t0 %@d\n", @t0);
  printa("c0 %d %@d\n", @c0);
  printf("4611686026205165681 done\n");
}
