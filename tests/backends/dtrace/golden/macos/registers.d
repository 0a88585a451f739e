/* uprobe:./a:f { @[reg("rbx")] = hist((uint32)reg("r12")) } */
/* $target is the process that dtrace is given: -c COMMAND or -p PID */

pid$target:a:f:entry
{
  @[uregs[R_RBX]] = quantize((uint32_t)uregs[R_R12]);
}
