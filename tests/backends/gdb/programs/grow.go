// Calls insert from goroutines whose stacks grow in it, so that some calls enter it twice.
package main

import (
	"fmt"
	"os"
)

//go:noinline
func insert(value []byte, key int) int {
	var room [4096]byte
	copy(room[:], value)
	return int(room[key%4096]) + len(value)
}

func main() {
	done := make(chan int)
	for i := 0; i < 100; i++ {
		go func(i int) { done <- insert(make([]byte, 10+i), 3*i) }(i)
		<-done
	}
	fmt.Println("done")
	os.Exit(3)
}
