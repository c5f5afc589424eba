package future

import (
	"context"
	"reflect"
)

// inPlaceSlot is the slot of a job that its own Await runs.
type inPlaceSlot struct{ job *job }

func (s inPlaceSlot) release(end taskEnd) {
	p := s.job.pool
	p.mu.Lock()
	if s.job.handed {
		s.job.handed = false
		p.handed.remove(s.job)
	} else {
		p.lost++
	}
	p.countLocked(end)
	p.startLocked(p.releaseLocked(s.job))
	p.mu.Unlock()
}

// runInPlace runs the operation behind c on this goroutine, if it has a slot, nobody has started it, and ctx is the
// context that it would run under. It reports whether c is settled.
//
// The worker that the job was assigned to may wake up at any moment. Both try to move the job on from jobAssigned;
// the one that succeeds owns the job and its slot, the other leaves without either.
func (c *cell) runInPlace(ctx context.Context) bool {
	c.mu.Lock()
	j, ok := c.aux.(*job)
	c.mu.Unlock()
	if !ok {
		return c.isSettled()
	}
	if !sameContext(j.parent, ctx) || !j.claim(jobAssigned, jobInPlace) {
		return false
	}
	p := j.pool
	done := false
	defer func() {
		if !done { // runtime.Goexit, which also ends the goroutine that awaits: see WithInPlaceAwait
			inPlaceSlot{j}.release(taskPanicked)
			j.refuse(newGoexitError()).spread(false)
		}
		p.mu.Lock()
		p.endedLocked(1)
		p.mu.Unlock()
	}()
	b := j.perform(inPlaceSlot{j})
	done = true
	b.spread(false)
	return true
}

// sameContext reports whether a and b are one context. Contexts that are not pointers may hold what cannot be
// compared; but for the background context, they count as different.
func sameContext(a, b context.Context) bool {
	if reflect.TypeOf(b).Kind() != reflect.Pointer {
		return b == context.Background() && a == context.Background()
	}
	return a == b
}
