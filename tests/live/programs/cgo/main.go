// Go that calls C that calls Go.
package main

/*
extern long back(long n);
__attribute__((noinline, noclone)) static long into_c(long n) {
	if (n % 2) return -n;
	long result = back(n);
	__asm__ volatile("" : "+r"(result));
	return result + 1;
}
static long call(long n) { return into_c(n) + 0; }
*/
import "C"

import "sync"

//go:noinline
func grow(n int) int {
	var room [64]int
	room[n%64] = n
	if n == 0 {
		return 0
	}
	return grow(n-1) + room[(n+1)%64]
}

//export back
//go:noinline
func back(n C.long) C.long {
	grow(int(n))
	return n * 2
}

//go:noinline
func around(n int) int { return int(C.call(C.long(n))) }

func main() {
	var all sync.WaitGroup
	for g := 0; g < 4; g++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for n := 0; n < 100; n++ {
				around(n)
			}
		}()
	}
	all.Wait()
}
