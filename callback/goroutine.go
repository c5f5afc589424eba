package callback

import (
	"bytes"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// goroutine says which goroutine this is, and whether it is locked to its OS thread. Go gives neither to programs;
// both stand in the first line of a stack trace, which costs microseconds. Coroutines need them to turn two
// mistakes that the runtime answers with corruption or a fatal throw into panics that say what is wrong.
type goroutine struct {
	id     uint64
	locked bool
}

// currentGoroutine reads "goroutine 7 [running, locked to thread]:".
func currentGoroutine() (g goroutine) {
	var buf [128]byte
	header := buf[:runtime.Stack(buf[:], false)]
	if end := bytes.IndexByte(header, '\n'); end >= 0 {
		header = header[:end]
	}
	for _, c := range bytes.TrimPrefix(header, []byte("goroutine ")) {
		if c < '0' || c > '9' {
			break
		}
		g.id = g.id*10 + uint64(c-'0')
	}
	g.locked = bytes.Contains(header, []byte("locked to thread"))
	return g
}

// sameThread reports whether coroutines made by g can be switched to by o: the runtime insists that both are free,
// or that both are locked to one thread.
func (g goroutine) sameThread(o goroutine) bool {
	return g.locked == o.locked && (!g.locked || g.id == o.id)
}

// stackBlock is the number of the 2 KB block of memory that a goroutine's stack pointer is in. Stacks are made of
// whole blocks, so a block belongs to one goroutine for as long as the stack is not moved.
type stackBlock uintptr

//go:noinline
func currentBlock() stackBlock {
	var here byte
	return stackBlock(uintptr(unsafe.Pointer(&here)) >> 11)
}

// knownBlocks remembers blocks that have been found to be a certain goroutine's, so that currentGoroutine is asked
// rarely. When a stack is moved its old blocks stay known until others take their place; what then goes unnoticed
// is a mistake made by the one goroutine that was given the same memory.
type knownBlocks [8]atomic.Uintptr

func (k *knownBlocks) slot(b stackBlock) *atomic.Uintptr { return &k[b%stackBlock(len(k))] }
func (k *knownBlocks) has(b stackBlock) bool             { return k.slot(b).Load() == uintptr(b) }

func (k *knownBlocks) add(b stackBlock) {
	if s := k.slot(b); s.Load() != uintptr(b) {
		s.Store(uintptr(b))
	}
}
