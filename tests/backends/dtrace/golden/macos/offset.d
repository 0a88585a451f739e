/* uprobe:./a:f+0x14 { @ = count() } */
/* $target is the process that dtrace is given: -c COMMAND or -p PID */

pid$target:a:f:14
{
  @ = count();
}
