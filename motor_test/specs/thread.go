package specs

import "sync"

// thread runs operations one after the other, concurrently with the test.
type thread struct {
	tasks chan func()
	done  chan struct{}

	mu  sync.Mutex
	err error
	end sync.Once
}

// threadQueue is the number of operations that a thread accepts before the test must wait. No file has so many.
const threadQueue = 100

func newThread() *thread {
	t := &thread{tasks: make(chan func(), threadQueue), done: make(chan struct{})}
	go func() {
		defer close(t.done)
		for task := range t.tasks {
			task()
		}
	}()
	return t
}

// add queues a task. wait returns the first error of a task.
func (t *thread) add(task func() error) {
	t.tasks <- func() {
		err := task()
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.err == nil {
			t.err = err
		}
	}
}

// wait ends the thread after its last task.
func (t *thread) wait() error {
	t.end.Do(func() { close(t.tasks) })
	<-t.done
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}
