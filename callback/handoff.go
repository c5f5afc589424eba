package callback

// put puts item if somebody waits for one or there is room, and otherwise, if wait is set, queues a putter.
func (q *Queue[T]) put(item T, wait bool) (ok bool, w *waiter[none, T]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	// Counted before it is handed over: whoever gets it may be done with it before this function goes on.
	q.unfinished++
	// Getters wait only while the queue is empty. One that is cancelled between take and Resolve does not get the
	// item, the next one does.
	for g := q.getters.take(); g != nil; g = q.getters.take() {
		q.mu.Unlock()
		served := g.promise.Resolve(item)
		q.mu.Lock()
		if served {
			return true, nil
		}
	}
	if q.max == 0 || q.items.len() < q.max {
		q.items.push(item)
		return true, nil
	}
	// This does not end a Join: there are items in the queue that are not done.
	q.unfinished--
	if wait {
		w = q.putters.add(item)
	}
	return false, w
}

// get takes the next item if there is one, and otherwise, if wait is set, queues a getter.
func (q *Queue[T]) get(wait bool) (item T, ok bool, w *waiter[T, none]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	// Putters wait only while the queue is full. The first one's item goes in, which makes one too many for a
	// moment, and then the first item comes out. A putter's future says first that its item is in: if that one is
	// cancelled in between, the item must not be.
	for p := q.putters.take(); p != nil; p = q.putters.take() {
		q.unfinished++
		q.mu.Unlock()
		accepted := p.promise.Resolve(none{})
		if !accepted {
			q.TaskDone()
		}
		q.mu.Lock()
		if accepted {
			q.items.push(p.brought)
			break
		}
	}
	if q.items.len() > 0 {
		return q.items.pop(), true, nil
	}
	if wait {
		w = q.getters.add(none{})
	}
	return item, false, w
}
