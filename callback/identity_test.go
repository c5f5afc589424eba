package callback_test

import (
	"iter"
	"runtime"
	"testing"

	"github.com/gomotor/gomotor/callback"
)

// The assembly reads the address of the goroutine in the runtime. These tests check the two properties that the package
// relies on: the address of a goroutine does not change, and no two running goroutines have the same address.

func TestIdentityDoesNotChange(t *testing.T) {
	me := callback.CurrentIdentity()
	steps := []struct {
		name string
		run  func()
	}{
		{"nothing", func() {}},
		{"the stack grows", func() { growStack(10_000) }},
		{"the stack shrinks", func() { runtime.GC(); runtime.GC() }},
		{"another goroutine runs", func() {
			done := make(chan none)
			go close(done)
			<-done
		}},
		{"the goroutine is locked to a thread", func() { runtime.LockOSThread() }},
		{"the goroutine is unlocked", func() { runtime.UnlockOSThread(); runtime.Gosched() }},
		{"a coroutine runs", func() {
			next, stop := iter.Pull(func(yield func(int) bool) { yield(1) })
			next()
			stop()
		}},
	}
	for _, step := range steps {
		step.run()
		if got := callback.CurrentIdentity(); got == 0 || got != me {
			t.Errorf("identity after %q = %#x, want %#x", step.name, got, me)
		}
	}
}

func growStack(n int) (sum int) {
	var room [64]int
	if n > 0 {
		room[n%64] = growStack(n - 1)
	}
	return room[n%64] + n
}

func TestIdentityIsUnique(t *testing.T) {
	const n = 1000
	type seen struct{ identity, id uintptr }
	all, release := make(chan seen, n), make(chan none)
	for range n {
		go func() {
			growStack(100)
			id, _ := callback.CurrentHeader()
			all <- seen{callback.CurrentIdentity(), id}
			<-release
		}()
	}
	identities, ids := map[uintptr]bool{}, map[uintptr]bool{}
	for range n {
		s := <-all
		identities[s.identity], ids[s.id] = true, true
	}
	close(release)
	equal(t, len(identities), n)
	equal(t, len(ids), n)
}

// iter.Pull runs its function on a separate goroutine.
func TestIdentityOfCoroutine(t *testing.T) {
	outside := callback.CurrentIdentity()
	next, stop := iter.Pull(func(yield func(uintptr) bool) {
		for yield(callback.CurrentIdentity()) {
		}
	})
	defer stop()
	first, _ := next()
	var second uintptr
	done := make(chan none)
	go func() { // resumes the coroutine from another goroutine
		defer close(done)
		second, _ = next()
	}()
	<-done
	equal(t, first != outside, true)
	equal(t, second, first)
}

// The first line of a stack trace says whether the goroutine is locked to its thread.
func TestHeaderOfLockedGoroutine(t *testing.T) {
	id, locked := callback.CurrentHeader()
	equal(t, id != 0, true)
	equal(t, locked, false)
	runtime.LockOSThread()
	again, locked := callback.CurrentHeader()
	equal(t, again, id)
	equal(t, locked, true)
	runtime.UnlockOSThread()
	_, locked = callback.CurrentHeader()
	equal(t, locked, false)
}
