#pragma D option quiet
#pragma D option strsize=64
BEGIN
{
  printf("4611686026205165681 ready\n");
}
/* @ticks = count() */
tick-1s
{
  @t0 = count();
  @c0 = count();
}
/* @[comm] = count() */
profile-99hz
/pid == 77/
{
  @h0 = count();
}
profile-99hz
/pid == 77/
{
  @t1 = count();
  @c1[execname] = count();
}
END
{
  printf("4611686026205165681 result %d\n", timestamp);
  printa("h0 %@d\n", @h0);
  printa("t0 %@d\n", @t0);
  printa("t1 %@d\n", @t1);
  printa("c0 %@d\n", @c0);
  printa("c1 \"%S\" %@d\n", @c1);
  printf("4611686026205165681 done\n");
}
