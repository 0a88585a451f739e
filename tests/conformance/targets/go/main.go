// Arguments of Go: slices, strings, structs by value, receivers; goroutines whose stacks grow.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
)

type Header struct {
	Size  uint32
	Delta int16
}

type Cache struct{ used int64 }

//go:noinline
func (c *Cache) Insert(key [8]byte, value []byte, header Header, name string) int {
	c.used += int64(len(value)) + int64(header.Size) + int64(key[0]) + int64(len(name))
	return len(value) - int(header.Delta)
}

//go:noinline
func Plain(n int64, small int8) int64 {
	return n + int64(small)
}

//go:noinline
func Price(p float64, n int64, q float32) float64 {
	return p*float64(q) + float64(n)
}

// Deep needs more stack than a goroutine has at first, at each level some.
//
//go:noinline
func Deep(n int) int {
	var room [200]byte
	room[n%200] = 1
	if n == 0 {
		return int(room[0])
	}
	return Deep(n-1) + int(room[n%200])
}

var (
	truth *os.File
	lock  sync.Mutex
)

func say(format string, words ...any) {
	lock.Lock()
	defer lock.Unlock()
	fmt.Fprintf(truth, format+"\n", words...)
}

func hex(x float64) string {
	return strconv.FormatFloat(x, 'x', -1, 64)
}

func main() {
	truth, _ = os.OpenFile(os.Getenv("TRUTH"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	pid := os.Getpid()
	cache := &Cache{}
	for i := 0; i < 60; i++ {
		value := make([]byte, i*11, i*13+1)
		header := Header{uint32(i) << 26, int16(-i * 100)}
		name := fmt.Sprintf("näme \"%d\"", i%4)
		say("uprobe:names_go:main.(*Cache).Insert pid=%d len(value)=%d cap(value)=%d header.Size=%d header.Delta=%d "+
			"key[2]=%d c.used=%d \"str(name)=%x", pid, len(value), cap(value), header.Size, header.Delta, i, cache.used, name)
		result := cache.Insert([8]byte{1, 2, byte(i)}, value, header, name)
		say("uretprobe:names_go:main.(*Cache).Insert pid=%d retval=%d", pid, result)
		small := int8(i * 5)
		say("uprobe:names_go:main.Plain pid=%d n=%d small=%d", pid, -i*1000, small)
		Plain(int64(-i*1000), small)
		p, q := float64(i-30)*1.37, float32(i*i)/16
		say("uprobe:names_go:main.Price pid=%d p=%s n=%d q=%s", pid, hex(p), i, hex(float64(q)))
		say("uretprobe:names_go:main.Price pid=%d retval=%s", pid, hex(Price(p, int64(i), q)))
	}
	var all sync.WaitGroup
	for g := 0; g < 8; g++ {
		all.Add(1)
		go func() {
			defer all.Done()
			Deep(100)
		}()
	}
	all.Wait()
	for n := 0; n <= 100; n++ {
		say("uprobe:names_go:main.Deep pid=%d times=8 n=%d", pid, n)
		say("uretprobe:names_go:main.Deep pid=%d times=8 retval=%d", pid, n+1)
	}
}
