// Package slow measures operations, to report those that take long.
//
// # Cost
//
// An operation that is watched costs two to three readings of the clock and a walk over its stack, about two
// microseconds. One that is not watched costs nothing.
package slow

import (
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Watch measures one operation.
type Watch struct {
	began, started time.Time
	callers        [32]uintptr
	depth          int
}

// Begin starts to measure an operation, in its call. skip is the number of callers that do not belong to the name.
func Begin(skip int) *Watch {
	w := &Watch{began: time.Now()}
	w.depth = runtime.Callers(skip+2, w.callers[:])
	return w
}

// Start records that the operation runs.
func (w *Watch) Start() { w.started = time.Now() }

// Times returns how long the operation has waited until Start, and how long it has taken until now.
func (w *Watch) Times() (waited, took time.Duration) {
	return w.started.Sub(w.began), time.Since(w.began)
}

// Name returns the function that the program has called, such as Collection.InsertOne: the last one of the call whose
// name, with the path of its package, starts with one of own.
func (w *Watch) Name(own ...string) string {
	name := ""
	frames := runtime.CallersFrames(w.callers[:w.depth])
	for {
		frame, more := frames.Next()
		if !slices.ContainsFunc(own, func(prefix string) bool { return strings.HasPrefix(frame.Function, prefix) }) {
			break
		}
		name = frame.Function
		if !more {
			break
		}
	}
	return short(name)
}

// short returns the name of a function without its package, type arguments and the numbers of function literals. The
// types that are embedded in exported types have their names.
func short(function string) string {
	function = function[strings.LastIndexByte(function, '/')+1:]
	_, function, _ = strings.Cut(function, ".")
	if i := strings.IndexByte(function, '['); i >= 0 { // the type arguments
		rest := function[i:]
		function = function[:i] + rest[strings.LastIndexByte(rest, ']')+1:]
	}
	var parts []string
	for part := range strings.SplitSeq(function, ".") {
		part = strings.Trim(part, "(*)")
		if rest, ok := strings.CutPrefix(part, "func"); ok && strings.Trim(rest, "0123456789") == "" {
			break
		}
		if part != "" {
			parts = append(parts, string(unicode.ToUpper(rune(part[0])))+part[1:])
		}
	}
	return strings.Replace(strings.Join(parts, "."), "CursorReader.", "Cursor.", 1)
}
