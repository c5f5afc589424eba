package future

import "sync/atomic"

// link is a place in the list of what waits for a future. It is part of what waits: the child of a Then and its
// link are one object.
type link struct {
	next, prev *link
	on         atomic.Pointer[cell] // the future it waits for, while it is on that one's list
	c          continuation
}

// continuation is what a link does once its future is settled.
type continuation interface {
	// userCode tells links that call functions of the user, which only a runner may fire, from those that just
	// pass an outcome on, which are fired on the stack that settled the future. The answer never changes.
	userCode() bool
	// fire is called once. It settles at most one future and returns what waited for that one.
	fire() batch
	// fail is called instead of fire if it cannot run, or after fire if that ended its goroutine.
	fail(err error) batch
}

// detach takes the link off its future's list, so that a long-lived future does not collect what no longer waits.
// It reports whether it did; false means that it is being, or has been, fired.
func (l *link) detach() bool {
	c := l.on.Load()
	return c != nil && c.remove(l)
}

// append adds l at the end of the ring that begins at first and returns the first.
func (first *link) append(l *link) *link {
	if first == nil {
		l.next, l.prev = l, l
		return l
	}
	last := first.prev
	last.next, l.prev = l, last
	l.next, first.prev = first, l
	return first
}

// remove takes l out of the ring that begins at first and returns the first of what is left.
func (first *link) remove(l *link) *link {
	if l.next == l {
		l.next, l.prev = nil, nil
		return nil
	}
	if l == first {
		first = l.next
	}
	l.prev.next, l.next.prev = l.next, l.prev
	l.next, l.prev = nil, nil
	return first
}

// unring makes a list that ends in nil of the ring.
func (first *link) unring() *link {
	if first != nil {
		first.prev.next = nil
	}
	return first
}

func (first *link) anyUserCode() bool {
	for l := first; l != nil; l = l.next {
		if l.c.userCode() {
			return true
		}
	}
	return false
}

// take returns the link after l and cuts l loose: a chain must not keep its beginning alive.
func (l *link) take() (next *link) {
	next = l.next
	l.next, l.prev = nil, nil
	l.on.Store(nil)
	return next
}

// batch is a settled future with the links that are to be fired for it.
type batch struct {
	c     *cell
	links *link
}

// spread fires the links of b that only pass the outcome on, and theirs in turn, and sends those that call user
// code where they run, each settled future's to a runner of its own: a callback that blocks, or that waits for
// another future, holds up only what was registered behind it on the same future.
//
// A runner that has nothing else to do says keep, and is given back one batch to go on with itself. That is how
// chains are walked: no recursion, and no switch of goroutines from link to link.
func (b batch) spread(keep bool) (kept batch) {
	if b.links == nil { // most often: small enough to be inlined
		return batch{}
	}
	return b.spreadOut(keep)
}

func (b batch) spreadOut(keep bool) (kept batch) {
	var room [4]batch
	todo := append(room[:0], b)
	for len(todo) > 0 {
		b := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		var first, last *link // user code
		for l := b.links; l != nil; {
			if l.c.userCode() {
				if last == nil {
					first = l
				} else {
					last.next = l
				}
				last, l = l, l.next
				last.next = nil
				continue
			}
			next := l.take()
			if then := l.c.fire(); then.links != nil {
				todo = append(todo, then)
			}
			l = next
		}
		b.links = first
		switch {
		case first == nil:
		case keep && kept.links == nil && b.c.ex == nil:
			kept = b
		default:
			b.dispatch()
		}
	}
	return kept
}

// refuse fails what an executor did not take. It calls the handler of undelivered callbacks, which is user code,
// and so must not run on the stack that settled the future.
func (b batch) refuse(err error) { go b.fail(err) }

func (b batch) fail(err error) {
	defer func() {
		if b.links != nil { // the handler ended this goroutine
			b.refuse(err)
		}
	}()
	for b.links != nil {
		l := b.links
		if b.links = l.take(); b.links == nil {
			b.links = b.c.more()
		}
		l.c.fail(err).spread(false)
	}
}
