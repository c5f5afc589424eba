package callback

import (
	"bytes"
	"runtime"
)

// Coroutines have to know where they are, to turn two mistakes that the runtime answers with corruption or with a
// fatal throw into panics that say what is wrong: a Co awaited on a goroutine that is not its coroutine's, and a
// coroutine resumed under another LockOSThread state than it was made under. Go tells programs neither.

// identity tells goroutines that are alive apart, and nothing else; see currentIdentity.
type identity uintptr

// header is what the first line of a stack trace, "goroutine 7 [running, locked to thread]:", says of the goroutine
// that asks. It costs microseconds.
type header struct {
	id     identity
	locked bool // to its OS thread
}

func currentHeader() (h header) {
	var buf [128]byte
	line := buf[:runtime.Stack(buf[:], false)]
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	for _, c := range bytes.TrimPrefix(line, []byte("goroutine ")) {
		if c < '0' || c > '9' {
			break
		}
		h.id = h.id*10 + identity(c-'0')
	}
	h.locked = bytes.Contains(line, []byte("locked to thread"))
	return h
}

// sameThread reports whether coroutines made by h can be switched to by o: the runtime insists that both are free,
// or that both are locked to one thread.
func (h header) sameThread(o header) bool {
	return h.locked == o.locked && (!h.locked || h.id == o.id)
}
