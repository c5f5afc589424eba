package callback

import (
	"fmt"
	"reflect"
	"runtime"
	"time"
)

// SlowCallback tells which callback held up its loop: see [WithSlowCallback].
type SlowCallback struct {
	Took time.Duration
	Name string // the function and where it is: "main.report (main.go:17)"
}

type slowCallbacks struct {
	threshold time.Duration
	report    func(SlowCallback)
}

// callTimed calls fn and reports it if that took long. A panic passes by unreported: it is reported as what it is.
func (l *Loop) callTimed(fn func()) {
	l.coroutines.stepped = nil
	began := l.clock()
	fn()
	took := l.clock() - began
	if took <= l.slow.threshold {
		return
	}
	var name string
	if c := l.coroutines.stepped; c != nil {
		name = funcName(c.body.function())
	} else {
		name = funcName(fn)
	}
	slow := SlowCallback{took, name}
	if l.slow.report != nil {
		l.slow.report(slow)
		return
	}
	l.log().Warn("callback: a callback held up the loop", "took", slow.Took, "name", slow.Name)
}

func funcName(fn any) string {
	pc := reflect.ValueOf(fn).Pointer()
	f := runtime.FuncForPC(pc)
	if f == nil {
		return "unknown"
	}
	file, line := f.FileLine(pc)
	return fmt.Sprintf("%s (%s:%d)", f.Name(), file, line)
}
