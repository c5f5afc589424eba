package specs

import "sync"

// thread runs operations one after the other, beside the test.
type thread struct {
	tasks chan func()
	done  chan struct{}

	mu  sync.Mutex
	err error
	end sync.Once
}

// threadQueue is how many operations a thread takes before the test has to wait: more than any file has.
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

// add has the thread do something; the first error is what wait returns.
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

// wait ends the thread when it has done what it was given.
func (t *thread) wait() error {
	t.end.Do(func() { close(t.tasks) })
	<-t.done
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}
