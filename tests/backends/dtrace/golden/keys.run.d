#pragma D option quiet
#pragma D option strsize=64
BEGIN
{
  printf("4611686026205165681 ready\n");
}
/* @[pid, tid, cpu, comm, str(arg1, 16), (int8)arg2, "text"] = count() */
pid77:a.out:-:555555555139
/pid == 77/
{
  @h0 = count();
}
pid77:a.out:-:555555555139
/pid == 77/
{
  this->s1 = "";
}
pid77:a.out:-:555555555139
/pid == 77 && arg1 != 0/
{
  this->s1 = copyinstr(arg1, 16);
}
pid77:a.out:-:555555555139
/pid == 77/
{
  this->i2 = (int64_t)(int8_t)arg2;
  @t0 = count();
  @c0[(int64_t)pid, (int64_t)tid, (int64_t)cpu, execname, this->s1, this->i2, "text"] = count();
}
END
{
  printf("4611686026205165681 result %d\n", timestamp);
  printa("h0 %@d\n", @h0);
  printa("t0 %@d\n", @t0);
  printa("c0 %d %d %d \"%S\" \"%S\" %d \"%S\" %@d\n", @c0);
  printf("4611686026205165681 done\n");
}
