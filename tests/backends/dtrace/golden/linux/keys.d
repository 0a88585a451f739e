/* uprobe:./a:f { @[pid, tid, cpu, comm, str(arg1, 16), (int8)arg2, "text"] = count() } */
/* arg1 is the register rsi on x86_64 */
/* arg2 is the register rdx on x86_64 */
/* $target is the process that dtrace is given: -c COMMAND or -p PID */
/* an event is left out, with an error, if an address of it can't be read */

pid$target:a:f:entry
{
  @[pid, tid, cpu, execname, copyinstr(arg1, 16), (int8_t)arg2, "text"] = count();
}
