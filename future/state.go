package future

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// state is a set of bits that is also a lock. The holder of the lock changes the bits when it unlocks. They may be read at
// any time.
//
// With both in one word, a future is 8 bytes smaller than with a sync.Mutex, and is settled with two atomic operations
// instead of three. Holders must neither block, nor allocate, nor call unknown code. So they need some nanoseconds, unless
// the scheduler interrupts them. A goroutine that finds the lock taken tries again, then yields, and then parks.
type state struct {
	bits uint32 // not an atomic.Uint32, so that lock can be inlined
}

// The bits of the lock. The others belong to the user of the state.
const (
	locked   uint32 = 1 << 31
	parked   uint32 = 1 << 30 // a goroutine is parked until the state is unlocked
	lockBits        = locked | parked
)

func (s *state) load() uint32 { return atomic.LoadUint32(&s.bits) }

// init sets the bits of a state that is not shared yet.
func (s *state) init(bits uint32) { atomic.StoreUint32(&s.bits, bits) }

// lock locks the state and returns its bits.
func (s *state) lock() (bits uint32) {
	bits = atomic.LoadUint32(&s.bits) &^ lockBits
	if atomic.CompareAndSwapUint32(&s.bits, bits, bits|locked) { // fails if the state is locked
		return bits
	}
	return s.lockBusy()
}

// unlock sets the bits and unlocks the state.
func (s *state) unlock(bits uint32) {
	if atomic.SwapUint32(&s.bits, bits)&parked != 0 {
		s.unpark()
	}
}

// change sets the bits, without a lock, if they are from and the state is not locked. It reports whether it did.
func (s *state) change(from, to uint32) bool { return atomic.CompareAndSwapUint32(&s.bits, from, to) }

const (
	triesBeforeYield = 16
	triesBeforePark  = 4 * triesBeforeYield
)

// lockBusy is lock for a state that was locked a moment ago.
func (s *state) lockBusy() (bits uint32) {
	for tries := 1; ; tries++ {
		bits = s.load()
		if bits&locked == 0 && atomic.CompareAndSwapUint32(&s.bits, bits, bits|locked) {
			return bits
		}
		switch {
		case tries >= triesBeforePark:
			s.park()
		case tries%triesBeforeYield == 0:
			runtime.Gosched()
		}
	}
}

// parking has the goroutines that wait for a state which stays locked, because its holder was interrupted. That is rare, so
// there is one list for all states.
var parking struct {
	mu    sync.Mutex
	first *parkedGoroutine
}

// parkedGoroutine is a goroutine that waits for its mutex, which is unlocked when s is. Unlike a channel, a mutex may be
// used by one synctest bubble after another, and waiting for it is not taken for a goroutine that only time can wake.
type parkedGoroutine struct {
	s    *state
	wake sync.Mutex
	next *parkedGoroutine
}

// park returns when the state was unlocked, or at once if it is not locked.
//
// The bit parked is set only while the state is locked, and under parking.mu. So the holder, which swaps the bits when it
// unlocks, either comes first, and the bit is not set, or it sees the bit. Then it waits for parking.mu and finds this
// goroutine on the list.
func (s *state) park() {
	parking.mu.Lock()
	bits := s.load()
	if bits&locked == 0 || !atomic.CompareAndSwapUint32(&s.bits, bits, bits|parked) {
		parking.mu.Unlock()
		return
	}
	p := &parkedGoroutine{s: s, next: parking.first}
	p.wake.Lock() // does not block, since p is new
	parking.first = p
	parking.mu.Unlock()
	p.wake.Lock()
}

// unpark wakes the goroutines that wait for s.
func (s *state) unpark() {
	parking.mu.Lock()
	defer parking.mu.Unlock()
	for at := &parking.first; *at != nil; {
		p := *at
		if p.s == s {
			*at = p.next
			p.wake.Unlock()
		} else {
			at = &p.next
		}
	}
}
