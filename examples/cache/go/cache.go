package main

import (
	"context"
	"errors"
	"hash/fnv"
	"sync"
	"time"
)

const shardCount, slotCount = 16, 64

var errEmpty = errors.New("the value is empty")

type entry struct {
	key    [32]byte
	value  []byte
	expiry time.Time
}

type shard struct {
	mutex sync.Mutex
	slots [slotCount]entry
}

// Cache keeps the last value of each slot. It has no statistics of its own.
type Cache struct {
	shards *[shardCount]shard
}

// NewCache returns an empty cache.
func NewCache() Cache {
	return Cache{new([shardCount]shard)}
}

// Insert stores a masked copy of a value; it expires at expiryDate, or never if that is the zero time.
//
// In registers on amd64 (Go's ABIInternal: AX BX CX DI SI R8 R9 R10 R11): c in AX, ctx in BX and CX, value's
// pointer, length and capacity in DI, SI and R8, expiryDate in R9 to R11. The key, an array, is on the stack.
//
//go:noinline
func (c Cache) Insert(ctx context.Context, key [32]byte, value []byte, expiryDate time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(value) == 0 {
		return errEmpty
	}
	// A block on the stack, larger than the stack that a goroutine starts with: its first call here makes the
	// stack grow and then starts once more, and a probe at the function's first instruction sees it twice.
	var block [3000]byte
	stored := make([]byte, 0, len(value))
	for rest := value; len(rest) > 0; {
		n := copy(block[:], rest)
		for i := range block[:n] {
			block[i] ^= key[i%len(key)]
		}
		stored, rest = append(stored, block[:n]...), rest[n:]
	}
	hash := fnv.New32a()
	hash.Write(key[:])
	place := hash.Sum32()
	s := &c.shards[place%shardCount]
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.slots[place/shardCount%slotCount] = entry{key, stored, expiryDate}
	return nil
}
