/* uprobe:./a:f /str(arg0, arg1) == "GET"/ { @[str(arg2, arg3)] = count() } */
/* arg0 is the register rdi on x86_64 */
/* arg1 is the register rsi on x86_64 */
/* arg2 is the register rdx on x86_64 */
/* arg3 is the register rcx on x86_64 */
/* $target is the process that dtrace is given: -c COMMAND or -p PID */
/* an event is left out, with an error, if an address of it can't be read */

pid$target:a:f:entry
{
  this->u1 = (uint64_t)((uint64_t)arg1 < 63 ? arg1 : (int64_t)63);
  this->counts = (uint64_t)arg1 == 3 && substr(copyinstr(arg0, this->u1 + 1), 0, this->u1) == "GET";
}
pid$target:a:f:entry
/this->counts/
{
  this->u2 = (uint64_t)((uint64_t)arg3 < 63 ? arg3 : (int64_t)63);
  @[substr(copyinstr(arg2, this->u2 + 1), 0, this->u2)] = count();
}
