package slow

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestShort(t *testing.T) {
	for _, test := range []struct{ function, want string }{
		{"github.com/gomotor/gomotor/motor.(*Collection[...]).FindOne", "Collection.FindOne"},
		{"github.com/gomotor/gomotor/motor.(*collection).InsertOne", "Collection.InsertOne"},
		{"github.com/gomotor/gomotor/motor.(*cursorReader).each.func1", "Cursor.Each"},
		{"github.com/gomotor/gomotor/motor.(*cursorReader).each.func1.2", "Cursor.Each"},
		{"github.com/gomotor/gomotor/motor.Transact[...]", "Transact"},
		{"github.com/gomotor/gomotor/motor/web.GetGridFSFile", "GetGridFSFile"},
		{"", ""},
	} {
		if got := short(test.function); got != test.want {
			t.Errorf("%s: got %q, want %q", test.function, got, test.want)
		}
	}
}

type handle struct{}

func (*handle) Operate() *Watch { return (&inner{}).begin() }

type inner struct{}

func (*inner) begin() *Watch { return Begin(0) }

func TestName(t *testing.T) {
	const own = "github.com/gomotor/gomotor/internal/slow.(*"
	if got, want := new(handle).Operate().Name(own), "Handle.Operate"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := new(handle).Operate().Name("other/"); got != "" {
		t.Errorf("got %q for a call of another package, want nothing", got)
	}
}

func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := Begin(0)
		time.Sleep(2 * time.Second)
		w.Start()
		time.Sleep(3 * time.Second)
		if waited, took := w.Times(); waited != 2*time.Second || took != 5*time.Second {
			t.Errorf("got %v, %v, want 2s, 5s", waited, took)
		}
	})
}
