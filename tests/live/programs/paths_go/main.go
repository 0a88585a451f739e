// Passes values of Go's shapes, and writes the true value of each path to the file that it is given.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
)

type Header struct {
	Size  uint32
	Flags uint8
	Delta int16
}

type Request struct {
	Name   string
	Header *Header
	Body   []byte
	Counts [3]int32
}

type Cache struct {
	entries map[string]int
	used    int64
}

var truth *bufio.Writer

func say(path string, value int64) { fmt.Fprintln(truth, path, value) }

//go:noinline
func (c *Cache) Insert(ctx context.Context, key [32]byte, value []byte, header Header, req *Request) (n int, err error) {
	for k := range value {
		c.used += int64(value[k])
	}
	return len(value) + int(header.Size) + len(req.Body), nil
}

//go:noinline
func Label(name string, pair [1]int64, small int8, big uint64, f float64, after int32, words ...string) string {
	return name + strconv.Itoa(int(pair[0])+int(small)+int(big)+int(f)+int(after)+len(words))
}

//go:noinline
func Map[T any](items []T, extra int) int {
	return cap(items) + extra
}

func main() {
	file, err := os.Create(os.Args[1])
	if err != nil {
		panic(err)
	}
	truth = bufio.NewWriter(file)
	count := 50
	if len(os.Args) > 2 {
		count, _ = strconv.Atoi(os.Args[2])
	}
	cache := &Cache{entries: map[string]int{}}
	for i := 0; i < count; i++ {
		value := make([]byte, i*5, i*5+3)
		header := Header{uint32(i * 1000), uint8(i), int16(-i)}
		req := &Request{"req" + strconv.Itoa(i%3), &Header{uint32(i) << 20, 9, int16(i * 100)}, make([]byte, i), [3]int32{int32(i), int32(-i), 3}}
		cache.entries[strconv.Itoa(i)] = i
		words := make([]string, i%5)
		say("len(value)", int64(len(value)))
		say("cap(value)", int64(cap(value)))
		say("value.len", int64(len(value)))
		say("header.Size", int64(header.Size))
		say("header.Flags", int64(header.Flags))
		say("header.Delta", int64(header.Delta))
		say("req.Header.Delta", int64(req.Header.Delta))
		say("len(req.Body)", int64(len(req.Body)))
		say("req.Counts[1]", int64(req.Counts[1]))
		say("len(words)", int64(len(words)))
		say("c.used", cache.used)
		say("len(c.entries)", int64(len(cache.entries)))
		say("key[2]", int64(i%200))
		fmt.Fprintln(truth, "str(req.Name)", req.Name)
		n, _ := cache.Insert(context.Background(), [32]byte{1, 2, byte(i % 200)}, value, header, req)
		say("n", int64(n))
		say("pair[0]", int64(i)*-7)
		say("small", int64(int8(i*3)))
		say("big", int64(i)<<40)
		say("after", int64(i-20))
		fmt.Fprintln(truth, "str(name)", "label"+strconv.Itoa(i%4))
		label := Label("label"+strconv.Itoa(i%4), [1]int64{int64(i) * -7}, int8(i*3), uint64(i)<<40, 1.5, int32(i-20), words...)
		say("len(retval)", int64(len(label)))
		say("cap(items)", int64(i+1))
		say("extra", int64(-i))
		Map(make([]int32, i, i+1), -i)
	}
	truth.Flush()
}
