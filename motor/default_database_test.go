package motor_test

import (
	"errors"
	"testing"

	"github.com/gomotor/gomotor/motor"
)

func TestDefaultDatabase(t *testing.T) {
	for _, test := range []struct {
		uri  string
		want string
	}{
		{"mongodb://localhost/app", "app"},
		{"mongodb://localhost/app?w=1", "app"},
		{"mongodb://u:p%40@a:1,b:2/app?w=1", "app"},
		{"mongodb://localhost/with%2Ddash?w=1", "with-dash"},
	} {
		db, err := newClient(t, test.uri).GetDefaultDatabase()
		if err != nil || db.Name() != test.want {
			t.Errorf("%s: got %v, %v, want %q", test.uri, db, err, test.want)
		}
	}
	for _, uri := range []string{"mongodb://localhost", "mongodb://localhost/", "mongodb://localhost/?w=1"} {
		if _, err := newClient(t, uri).GetDefaultDatabase(); !errors.Is(err, motor.ConfigurationError) {
			t.Errorf("%s: got %v, want a ConfigurationError", uri, err)
		}
	}
}

func TestFsyncLockAndAsync(t *testing.T) {
	f := newClient(t, noServerURI).Fsync(t.Context(), motor.FsyncOptions{Lock: true, Async: true})
	if !f.IsDone() || !errors.Is(f.Err(), motor.ConfigurationError) {
		t.Errorf("got %v, want a ConfigurationError at once", f.Err())
	}
}
