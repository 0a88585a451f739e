/* uprobe:./a:f, uprobe:"./b c":"g" { @[func] = count() } */
/* $target is the process that dtrace is given: -c COMMAND or -p PID */

pid$target:a:f:entry,
pid$target:b?c:g:entry
{
  @[probefunc] = count();
}
