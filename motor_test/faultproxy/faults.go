package faultproxy

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault is what goes wrong with one command.
type Fault struct {
	Delay time.Duration // before the command runs
	Stall bool          // the command does not run, and has no reply; the connection stays open
	Cut   Cut           // where the connection is closed
	Bytes int           // of the reply that are sent before a CutWithin
	Reset bool          // the connection is reset instead of closed
}

// Cut says when a connection is closed.
type Cut int

// A connection is closed before the command runs, within the reply, after the command without a reply, or after the
// whole reply. It is not closed by the zero Cut.
const (
	CutBefore Cut = iota + 1
	CutWithin
	CutUnanswered
	CutAfter
)

// Chances are the probabilities of faults, from 0 to 1. A command has at most one of them. The commands hello and
// configureFailPoint have none.
type Chances struct {
	Seed uint64 // equal seeds make equal choices, as far as the commands come in the same order

	Delay, Stall, CutBefore, CutWithin, CutUnanswered, CutAfter float64

	MaxDelay time.Duration // the longest delay; 0: 10 ms
	Reset    bool          // half of the cuts are resets
	Commands []string      // the commands that may fail; nil: all
}

// faults decides which fault a command has.
type faults struct {
	mu      sync.Mutex
	scripts map[string][]Fault
	chances Chances
	rand    *rand.Rand // nil: no fault by chance
	count   int64
}

// Script makes the next commands of a name fail: the first as the first fault says, and so on. A zero Fault lets its
// command pass. A second call replaces the faults that are left. It returns an error for a negative number, and for a Cut
// that does not exist. The command hello has no faults.
func (p *Proxy) Script(command string, all ...Fault) error {
	for _, f := range all {
		if f.Bytes < 0 || f.Delay < 0 || f.Cut < 0 || f.Cut > CutAfter {
			return fmt.Errorf("faultproxy: invalid fault %+v", f)
		}
	}
	if strings.EqualFold(command, "hello") || strings.EqualFold(command, "isMaster") {
		return errors.New("faultproxy: hello has no faults: use Stop, or the fail point failCommand")
	}
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	if p.faults.scripts == nil {
		p.faults.scripts = make(map[string][]Fault)
	}
	p.faults.scripts[command] = all
	return nil
}

// SetChances makes commands fail by chance from now on. Zero Chances turn that off. It returns an error for a
// probability that is not from 0 to 1, or if their sum is greater than 1.
func (p *Proxy) SetChances(c Chances) error {
	sum := 0.0
	for _, chance := range c.all() {
		if chance < 0 || chance > 1 || chance != chance {
			return fmt.Errorf("faultproxy: invalid probability %v: must be from 0 to 1", chance)
		}
		sum += chance
	}
	if sum > 1 {
		return fmt.Errorf("faultproxy: the sum of the probabilities is %v: must be at most 1", sum)
	}
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.chances, p.faults.rand = c, nil
	if sum > 0 {
		p.faults.rand = rand.New(rand.NewPCG(c.Seed, c.Seed))
	}
	return nil
}

func (c *Chances) all() []float64 {
	return []float64{c.Delay, c.Stall, c.CutBefore, c.CutWithin, c.CutUnanswered, c.CutAfter}
}

// take returns the fault of a command, which may be none.
func (f *faults) take(command string) (fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if script := f.scripts[command]; len(script) > 0 {
		f.scripts[command] = script[1:]
		fault = script[0]
	} else if f.rand != nil && (f.chances.Commands == nil || slices.Contains(f.chances.Commands, command)) {
		fault = f.chances.choose(f.rand)
	}
	if fault != (Fault{}) {
		f.count++
	}
	return fault
}

// choose returns a fault by chance.
func (c *Chances) choose(r *rand.Rand) Fault {
	at := r.Float64()
	for i, chance := range c.all() {
		if at -= chance; at >= 0 {
			continue
		}
		reset := c.Reset && r.IntN(2) == 0
		switch i {
		case 0:
			most := c.MaxDelay
			if most <= 0 {
				most = 10 * time.Millisecond
			}
			return Fault{Delay: 1 + time.Duration(r.Int64N(int64(most)))}
		case 1:
			return Fault{Stall: true}
		}
		return Fault{Cut: Cut(i - 1), Bytes: r.IntN(100), Reset: reset}
	}
	return Fault{}
}

// cut closes a connection, as a fault says.
func (f *Fault) cut(c *connection) {
	if tcp, ok := c.client.(*net.TCPConn); ok && f.Reset {
		_ = tcp.SetLinger(0)
	}
	c.close()
}

// Stop acts like a server that has stopped: it closes all connections, and refuses new ones until [Proxy.Resume]. The
// server behind the proxy goes on.
func (p *Proxy) Stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.stopped {
		return nil
	}
	p.stopped = true
	err := p.closeListeners()
	for c := range p.connections {
		c.close()
	}
	p.open.abandon()
	p.recorder.streams.abandon()
	return err
}

// Resume accepts connections again after [Proxy.Stop], at the same addresses.
func (p *Proxy) Resume() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || !p.stopped {
		return nil
	}
	for _, d := range p.doors {
		if d.listener != nil {
			continue // of an earlier try
		}
		listener, err := net.Listen("tcp", d.address)
		if err != nil {
			return fmt.Errorf("faultproxy: %w", err)
		}
		d.listener = listener
	}
	p.stopped = false
	for _, d := range p.doors {
		p.serve(d)
	}
	return nil
}
