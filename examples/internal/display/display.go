// Package display shows the progress of operations: as a bar on a terminal, and elsewhere as a line each second and one at
// the end.
package display

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// Display shows the progress of operations, one after the other.
type Display struct {
	out      io.Writer
	terminal bool
}

// New returns a display that draws bars if out is a terminal.
func New(out io.Writer) *Display { return &Display{out, IsTerminal(out)} }

// IsTerminal reports whether out is a terminal that understands control sequences.
func IsTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// Follow starts an operation with a context that follows it, shows its progress, and waits for it.
func Follow[T any](ctx context.Context, d *Display, name string, start func(context.Context) *future.Future[T]) (T, error) {
	l := &line{Display: d, name: name, shown: time.Now()}
	v, err := start(motor.WithProgress(ctx, l.show)).Await(ctx)
	if err == nil || ctx.Err() == nil { // the last call has returned: only a cancelled operation does not wait for it
		l.end(err)
	}
	return v, err
}

// line shows the progress of one operation.
type line struct {
	*Display
	name  string
	last  motor.Progress
	shown time.Time // when the last plain line was printed
}

// show shows the progress: in place on a terminal, and otherwise at most once in a second.
func (l *line) show(p motor.Progress) {
	l.last = p
	if l.terminal {
		fmt.Fprint(l.out, "\r", l.text(), "\x1b[K") // and clear the rest of the line
	} else if time.Since(l.shown) >= time.Second {
		l.shown = time.Now()
		fmt.Fprintln(l.out, l.text())
	}
}

// end shows the end of the operation.
func (l *line) end(err error) {
	text := l.text() + ", done"
	if err != nil {
		text = l.text() + ", failed"
	}
	if l.terminal {
		text = "\r" + text + "\x1b[K"
	}
	fmt.Fprintln(l.out, text)
}

// text returns the progress as text, with a bar on a terminal.
func (l *line) text() string {
	p := l.last
	text := fmt.Sprintf("%-8s", l.name)
	if l.terminal {
		text += " " + bar(p)
	}
	if p.Total > 0 {
		text += fmt.Sprintf(" %3d%%  %d of %d %s", 100*p.Done/p.Total, p.Done, p.Total, p.Unit)
	} else {
		text += fmt.Sprintf("       %d %s", p.Done, p.Unit)
	}
	if p.CollectionsTotal > 0 {
		text += fmt.Sprintf(", %d of %d collections", p.Collections, p.CollectionsTotal)
	}
	return text
}

// bar draws how much is done. While the total is unknown, a mark moves instead.
func bar(p motor.Progress) string {
	const width = 30
	if p.Total == 0 {
		at := int(p.Done/1000) % width
		return "[" + strings.Repeat(" ", at) + "#" + strings.Repeat(" ", width-at-1) + "]"
	}
	full := int(width * p.Done / p.Total)
	return "[" + strings.Repeat("#", full) + strings.Repeat(" ", width-full) + "]"
}
