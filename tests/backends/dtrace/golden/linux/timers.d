/* interval:s:1 { @ticks = count() } */
/* profile:hz:99 { @[comm] = count() } */

tick-1s
{
  @ticks = count();
}

profile-99hz
{
  @[execname] = count();
}

END
{
  printf("\n@ticks:\n"); printa(@ticks);
  printf("\n@:\n"); printa(@);
}
