// A cache with no statistics of its own: how large are the values that it is given?
//
//	cache [-v] [-truth FILE] [COUNT]
//
// inserts COUNT values (1000 if it isn't given), the same ones in every run, from many goroutines. With -v it
// says how many there were and how large they were together; with -truth it writes a line "LENGTH EXPIRY" for
// each, which is what a tracer should have seen.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"time"
)

const (
	largest = 24 * 1024
	batch   = 10 // inserts of one goroutine
	workers = 4  // goroutines at a time
)

// randomAt returns the n-th random number (splitmix64).
func randomAt(n uint64) uint64 {
	x := (n + 1) * 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// lengthOf returns mostly sessions of about 1 KiB, some thumbnails of about 7 KiB, and now and then a page
// above 16 KiB.
func lengthOf(random uint64) int {
	a, b := int(random>>16%512), int(random>>32%512)
	switch kind := random % 20; {
	case kind == 0:
		return 16*1024 + 8*a
	case kind < 6:
		return 6*1024 + a + b
	default:
		return 512 + a + b
	}
}

// expiryOf returns a date, or the zero time for never.
func expiryOf(random uint64) time.Time {
	if random>>62 == 0 {
		return time.Time{}
	}
	return time.Unix(1700000000, 0).AddDate(0, 0, int(random>>48%30))
}

// insert inserts count values, a batch in each goroutine, and returns their lengths.
func insert(cache Cache, count int) []int {
	bytes, lengths := make([]byte, largest), make([]int, count)
	free := make(chan struct{}, workers)
	var group sync.WaitGroup
	for first := 0; first < count; first += batch {
		free <- struct{}{}
		group.Add(1)
		go func(first int) {
			defer group.Done()
			for n := first; n < first+batch && n < count; n++ {
				random := randomAt(uint64(n))
				var key [32]byte
				binary.LittleEndian.PutUint64(key[:], random)
				value := bytes[:lengthOf(random)]
				lengths[n] = len(value)
				if err := cache.Insert(context.Background(), key, value, expiryOf(random)); err != nil {
					log.Fatal(err)
				}
			}
			<-free
		}(first)
	}
	group.Wait()
	return lengths
}

// write writes what was inserted to a file.
func write(path string, lengths []int) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(file)
	for n, length := range lengths {
		var seconds int64
		if expiry := expiryOf(randomAt(uint64(n))); !expiry.IsZero() {
			seconds = expiry.Unix()
		}
		fmt.Fprintln(out, length, seconds)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return file.Close()
}

func main() {
	log.SetFlags(0)
	verbose := flag.Bool("v", false, "say how many values there were, and how large they were together")
	truth := flag.String("truth", "", "write the values' lengths and expiry dates to this `FILE`")
	flag.Parse()
	count := 1000
	if flag.NArg() > 0 {
		given, err := strconv.ParseUint(flag.Arg(0), 10, 32)
		if err != nil || flag.NArg() > 1 {
			log.Fatalf("usage: %s [-v] [-truth FILE] [COUNT]", os.Args[0])
		}
		count = int(given)
	}
	lengths := insert(NewCache(), count)
	if *truth != "" {
		if err := write(*truth, lengths); err != nil {
			log.Fatal(err)
		}
	}
	if *verbose {
		sum := 0
		for _, length := range lengths {
			sum += length
		}
		fmt.Printf("inserted %d values, %d bytes\n", count, sum)
	}
}
