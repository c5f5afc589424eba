package future

import "time"

// Sleep returns a future that resolves after d; at once if d is not positive. Cancelling it stops its timer.
//
// Tornado: gen.sleep. asyncio: sleep.
func Sleep(d time.Duration) *Future[struct{}] {
	if d <= 0 {
		return Resolved(struct{}{})
	}
	s := &sleeper{}
	s.future.cell.aux = owner(s)
	s.timer = time.AfterFunc(d, s.wake) // which does not read it: only Cancel does
	return &s.future
}

type sleeper struct {
	future Future[struct{}]
	timer  *time.Timer
}

func (s *sleeper) wake() {
	s.future.cell.refuse(nil).spread(false)
}

func (s *sleeper) abandon() { s.timer.Stop() }
