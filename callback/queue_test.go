package callback_test

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

// drain gets all items of the queue.
func drain[T any](q *callback.Queue[T]) (items []T) {
	for {
		item, err := q.GetNowait()
		if err != nil {
			return items
		}
		items = append(items, item)
	}
}

// tornado.queues.Queue.
func TestQueue(t *testing.T) {
	t.Run("is first in first out", func(t *testing.T) {
		q := callback.NewQueue[int](newLoop(t), 0)
		for i := range 100 {
			equal(t, q.PutNowait(i), nil)
		}
		equal(t, q.QSize(), 100)
		items := drain(q)
		equal(t, len(items) == 100 && slices.IsSorted(items), true)
		equal(t, q.Empty(), true)
	})
	t.Run("ErrQueueEmpty and ErrQueueFull", func(t *testing.T) {
		q := callback.NewQueue[int](newLoop(t), 1)
		equal(t, q.MaxSize(), 1)
		_, err := q.GetNowait()
		equal(t, err, callback.ErrQueueEmpty)
		equal(t, q.Full(), false)
		equal(t, q.PutNowait(1), nil)
		equal(t, q.Full(), true)
		equal(t, q.PutNowait(2), callback.ErrQueueFull)
	})
	t.Run("serves getters in order", func(t *testing.T) {
		q := callback.NewQueue[int](newLoop(t), 0)
		var fs []*future.Future[int]
		for range 10 {
			fs = append(fs, q.Get())
		}
		fs[3].Cancel()
		for i := range 10 {
			q.Put(i)
		}
		var got []int
		for i, f := range fs {
			if v, err := f.Result(); i != 3 {
				equal(t, err, nil)
				got = append(got, v)
			}
		}
		equalSlices(t, got, []int{0, 1, 2, 3, 4, 5, 6, 7, 8})
		equalSlices(t, drain(q), []int{9}) // the cancelled getter took no item
	})
	t.Run("serves putters in order", func(t *testing.T) {
		q := callback.NewQueue[int](newLoop(t), 2)
		var fs []*future.Future[none]
		for i := range 6 {
			fs = append(fs, q.Put(i))
		}
		equal(t, fs[1].IsDone(), true)
		equal(t, fs[2].IsDone(), false)
		fs[3].Cancel()
		equalSlices(t, drain(q), []int{0, 1, 2, 4, 5})
		equal(t, fs[5].IsDone(), true)
	})
	t.Run("Get and Put time out", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			q := callback.NewQueue[int](loop, 1)
			run(t, loop, func(co *callback.Co) error {
				_, err := q.Get(time.Second).Await(co)
				wantError(t, err, future.ErrTimeout)
				q.Put(1)
				_, err = q.Put(2, time.Second).Await(co)
				wantError(t, err, future.ErrTimeout)
				equalSlices(t, drain(q), []int{1})
				return nil
			})
		})
	})
	t.Run("Join waits for TaskDone of all items", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			q := callback.NewQueue[int](loop, 0)
			equal(t, q.Join().IsDone(), true)
			q.Put(1)
			q.Put(2)
			joined := q.Join()
			drain(q)
			equal(t, joined.IsDone(), false)
			q.TaskDone()
			equal(t, joined.IsDone(), false)
			run(t, loop, func(co *callback.Co) error {
				_, err := q.Join(time.Second).Await(co)
				wantError(t, err, future.ErrTimeout)
				return nil
			})
			q.TaskDone()
			equal(t, joined.IsDone(), true)
			equal(t, panicOf(q.TaskDone), any(callback.ErrTaskDone))
		})
	})
	t.Run("range over All in a coroutine", func(t *testing.T) {
		loop := newLoop(t)
		q := callback.NewQueue[int](loop, 1)
		producer := callback.Spawn(loop, func(co *callback.Co) (none, error) {
			for i := range 10 {
				if _, err := q.Put(i).Await(co); err != nil {
					return none{}, err
				}
			}
			return none{}, nil
		})
		sum := 0
		run(t, loop, func(co *callback.Co) error {
			for item, err := range q.All(co) {
				if err != nil {
					return err
				}
				sum += item
				if item == 9 {
					break
				}
			}
			_, err := producer.Await(co)
			return err
		})
		equal(t, sum, 45)
	})
}

// tornado.queues.PriorityQueue.
func TestPriorityQueue(t *testing.T) {
	type job struct{ priority, id int }
	q := callback.NewPriorityQueue(newLoop(t), 0, func(a, b job) int { return cmp.Compare(a.priority, b.priority) })
	for i, p := range []int{2, 1, 2, 0, 1} {
		equal(t, q.PutNowait(job{p, i}), nil)
	}
	want := []job{{0, 3}, {1, 1}, {1, 4}, {2, 0}, {2, 2}}
	equalSlices(t, drain(&q.Queue), want)
}

func TestPriorityQueueComparePanics(t *testing.T) {
	const bad = 1000
	full := func(t *testing.T, max int) (q *callback.PriorityQueue[int], faulty *bool) {
		faulty = new(bool)
		q = callback.NewPriorityQueue(newLoop(t), max, func(a, b int) int {
			if *faulty || a == bad || b == bad {
				panic("boom")
			}
			return cmp.Compare(a, b)
		})
		for _, item := range []int{5, 3, 4, 1, 2} {
			equal(t, q.PutNowait(item), nil)
		}
		return q, faulty
	}
	complete := func(t *testing.T, q *callback.PriorityQueue[int]) {
		t.Helper()
		equal(t, q.QSize(), 5)
		equalSlices(t, drain(&q.Queue), []int{1, 2, 3, 4, 5})
		for range 5 {
			q.TaskDone()
		}
		equal(t, q.Join().IsDone(), true)
	}
	t.Run("in PutNowait", func(t *testing.T) {
		q, _ := full(t, 0)
		equal(t, panicOf(func() { _ = q.PutNowait(bad) }), any("boom"))
		complete(t, q)
	})
	t.Run("in Put", func(t *testing.T) {
		q, _ := full(t, 0)
		equal(t, panicOf(func() { q.Put(bad) }), any("boom"))
		complete(t, q)
	})
	t.Run("in GetNowait", func(t *testing.T) {
		q, faulty := full(t, 0)
		*faulty = true
		equal(t, panicOf(func() { _, _ = q.GetNowait() }), any("boom"))
		*faulty = false
		complete(t, q)
	})
	t.Run("in a Put that waits", func(t *testing.T) {
		q, _ := full(t, 5)
		refused, accepted := q.Put(bad), q.Put(0)
		item, err := q.GetNowait()
		equal(t, err, nil)
		equal(t, item, 0)
		q.TaskDone()
		var p *future.PanicError
		if err := refused.Err(); !errors.As(err, &p) || p.Value != any("boom") {
			t.Errorf("error of the Put that waited = %v, want a PanicError of boom", err)
		}
		equal(t, accepted.Err(), nil)
		complete(t, q)
	})
}

func TestPriorityQueueOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	type job struct{ priority, id int }
	q := callback.NewPriorityQueue(newLoop(t), 0, func(a, b job) int { return cmp.Compare(a.priority, b.priority) })
	var want []job
	for id := range 3000 {
		j := job{random.IntN(50), id}
		equal(t, q.PutNowait(j), nil)
		at, _ := slices.BinarySearchFunc(want, j, func(a, b job) int {
			return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(a.id, b.id))
		})
		want = slices.Insert(want, at, j)
		if id%3 == 2 {
			got, err := q.GetNowait()
			equal(t, err, nil)
			equal(t, got, want[0])
			want = want[1:]
		}
	}
	equalSlices(t, drain(&q.Queue), want)
}

// tornado.queues.LifoQueue.
func TestLifoQueue(t *testing.T) {
	q := callback.NewLifoQueue[int](newLoop(t), 2)
	q.Put(1)
	q.Put(2)
	q.Put(3) // waits, and is added when the next item is taken
	equalSlices(t, drain(&q.Queue), []int{3, 2, 1})
}

// Producers and consumers run on goroutines, and some consumers give up. Each item must arrive exactly once.
func TestQueueFromManyGoroutines(t *testing.T) {
	for _, size := range []int{0, 1, 7} {
		loop := newLoop(t)
		wait := background(loop)
		q := callback.NewQueue[int](loop, size)
		const producers, consumers, each = 4, 4, 2000
		var mu sync.Mutex
		seen := map[int]int{}
		var producing, consuming sync.WaitGroup
		for p := range producers {
			producing.Go(func() {
				for i := range each {
					if _, err := q.Put(p*each + i).Await(t.Context()); err != nil {
						t.Errorf("Put() error = %v, want <nil>", err)
					}
				}
			})
		}
		stop := make(chan none)
		for c := range consumers {
			consuming.Go(func() {
				for n := 0; ; n++ {
					f := q.Get()
					if n%3 == c%3 {
						f.Cancel()
					}
					select {
					case <-f.Done():
					case <-stop:
						f.Cancel()
					}
					item, err := f.Result()
					switch {
					case err == nil:
						mu.Lock()
						seen[item]++
						mu.Unlock()
						q.TaskDone()
					case !errors.Is(err, future.ErrCancelled):
						t.Errorf("Get() error = %v, want <nil> or ErrCancelled", err)
					default:
						select {
						case <-stop:
							return
						default:
						}
					}
				}
			})
		}
		producing.Wait()
		if _, err := q.Join(hang).Await(t.Context()); err != nil {
			t.Errorf("Join() error = %v, want <nil>", err)
		}
		close(stop)
		consuming.Wait()
		loop.Close()
		wait()
		equal(t, len(seen), producers*each)
		for item, n := range seen {
			if n != 1 {
				t.Fatalf("item %d arrived %d times, want 1", item, n)
			}
		}
	}
}
