// Calls that return, or don't, in every way that Go has. Usage: goroutines WHAT COUNT [MILLISECONDS]
package main

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// deep recurses with frames that make the stack grow, and so be copied, again and again.
//
//go:noinline
func deep(n int) int {
	var room [40]int
	room[n%40] = n
	if n == 0 {
		return 0
	}
	return 1 + deep(n-1) + room[(n+1)%40]
}

// sleeps leaves its thread to others, and seldom gets the same one again.
//
//go:noinline
func sleeps(milliseconds int) int {
	time.Sleep(time.Duration(milliseconds) * time.Millisecond)
	return deep(20) + milliseconds
}

//go:noinline
func chooses(x int) int {
	switch x {
	case 0:
		return 40
	case 1:
		return deep(3)
	case 2:
		return 42
	case 3:
		return deep(1) + 3
	case 4:
		return -4
	case 5:
		return 45
	case 6:
		return deep(2) - 6
	case 7:
		return 47
	}
	return x
}

//go:noinline
func panics(n int) int {
	if n%3 == 0 {
		panic("not this one")
	}
	return n
}

//go:noinline
func recovers(n int) (result int) {
	defer func() {
		if recover() != nil {
			result = -1
		}
	}()
	return panics(n)
}

//go:noinline
func leaves(n int) int {
	if n%4 == 0 {
		runtime.Goexit()
	}
	return n
}

type counter struct{ n int }

//go:noinline
func (c *counter) Add(x int) int { c.n += x; return c.n }

//go:noinline
//go:nosplit
func nothing() {}

func each(count int, work func(int)) {
	var all sync.WaitGroup
	for i := 0; i < count; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			work(i)
		}(i)
	}
	all.Wait()
}

func main() {
	runtime.GOMAXPROCS(2)
	count, _ := strconv.Atoi(os.Args[2])
	switch os.Args[1] {
	case "deep":
		deep(count)
	case "sleeps":
		milliseconds, _ := strconv.Atoi(os.Args[3])
		each(count, func(i int) { sleeps(milliseconds) })
	case "chooses":
		c := &counter{}
		for i := 0; i < count; i++ {
			c.Add(chooses(i % 9))
			nothing()
		}
	case "panics":
		for i := 0; i < count; i++ {
			recovers(i)
		}
	case "leaves":
		each(count, func(i int) { leaves(i) })
	case "loop":
		for {
			each(count, func(i int) { sleeps(1) })
		}
	case "dies":
		panics(count)
	}
}
