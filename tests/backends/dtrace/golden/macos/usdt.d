/* usdt:./a:provider:name { @ = hist(arg0) } */
/* $target is the process that dtrace is given: -c COMMAND or -p PID */

provider$target:a::name
{
  @ = quantize(arg0);
}
