// Calls main.work from goroutines whose stacks grow and move: steady LEDGER run CALLS PAUSE STATUS
package main

import (
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// As targets/ledger.h has it.
type ledger struct {
	pid, calls, returns, sum, children, forward, stop, idle int64
}

var book *ledger

//go:noinline
func work(v int, depth int) int {
	var room [256]byte
	room[v&255] = byte(v)
	if depth > 0 {
		return call(v, depth-1) + int(room[v&255]) - int(byte(v))
	}
	return v
}

func call(v int, depth int) int {
	atomic.AddInt64(&book.calls, 1)
	atomic.AddInt64(&book.sum, int64(v))
	result := work(v, depth)
	atomic.AddInt64(&book.returns, 1)
	return result
}

func main() {
	if len(os.Args) < 6 {
		os.Exit(97)
	}
	file, err := os.OpenFile(os.Args[1], os.O_RDWR, 0)
	if err != nil {
		os.Exit(99)
	}
	page, err := syscall.Mmap(int(file.Fd()), 0, int(unsafe.Sizeof(*book)), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		os.Exit(99)
	}
	book = (*ledger)(unsafe.Pointer(&page[0]))
	atomic.StoreInt64(&book.pid, int64(os.Getpid()))
	calls, _ := strconv.Atoi(os.Args[3])
	pause, _ := strconv.Atoi(os.Args[4])
	status, _ := strconv.Atoi(os.Args[5])
	var group sync.WaitGroup
	for n := 0; n < calls; n += 10 {
		group.Add(1)
		go func(n int) {
			defer group.Done()
			// Nine calls within the first, on a stack that begins small.
			call(n*7919%1024, min(9, calls-n-1))
		}(n)
		if pause > 0 {
			time.Sleep(time.Duration(pause) * time.Microsecond)
		}
	}
	group.Wait()
	os.Exit(status)
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}
