#pragma D option quiet
#pragma D option strsize=64
BEGIN
{
  printf("4611686026205165681 ready\n");
}
/* @[str(arg2, arg3)] = count() */
pid77:a.out:-:555555555139
/pid == 77/
{
  @h0 = count();
}
pid77:a.out:-:555555555139
/pid == 77/
{
  this->u1 = (uint64_t)((uint64_t)arg1 < 63 ? arg1 : (int64_t)63);
  this->s2 = "";
}
pid77:a.out:-:555555555139
/pid == 77 && arg0 != 0/
{
  this->s2 = copyinstr(arg0, this->u1 + 1);
}
pid77:a.out:-:555555555139
/pid == 77/
{
  this->w0 = (int)(((uint64_t)arg1 == 3 && this->s2 == "GET") ? 1 : 0);
}
pid77:a.out:-:555555555139
/pid == 77 && this->w0 != 0/
{
  this->u3 = (uint64_t)((uint64_t)arg3 < 63 ? arg3 : (int64_t)63);
  this->s4 = "";
}
pid77:a.out:-:555555555139
/pid == 77 && this->w0 != 0 && arg2 != 0/
{
  this->s4 = copyinstr(arg2, this->u3 + 1);
}
pid77:a.out:-:555555555139
/pid == 77 && this->w0 != 0/
{
  @t0 = count();
  @c0[this->s4, (int64_t)this->u3] = count();
}
END
{
  printf("4611686026205165681 result %d\n", timestamp);
  printa("h0 %@d\n", @h0);
  printa("t0 %@d\n", @t0);
  printa("c0 \"%S\" %d %@d\n", @c0);
  printf("4611686026205165681 done\n");
}
