package specs_test

import (
	"errors"
	"testing"

	"github.com/gomotor/gomotor/motor_test/specs"
)

func TestVerdicts(t *testing.T) {
	var (
		sent    = []string{"find"}
		other   = []string{"find", "getMore"}
		passed  = specs.Attempt{Commands: sent}
		failed  = specs.Attempt{Err: errors.New("another result"), Commands: sent}
		refused = specs.Attempt{Err: specs.RefusedError(errors.New("not implemented")), Commands: sent}
		pending = specs.Attempt{Err: specs.PendingError("session")}
	)
	sending := func(a specs.Attempt, commands []string) specs.Attempt {
		a.Commands = commands
		return a
	}
	for _, test := range []struct {
		name        string
		style       string
		own, driver specs.Attempt
		skip        string
		want        specs.Verdict
	}{
		{"the driver passes", specs.Driver, passed, passed, "", specs.Passed},
		{"the driver is refused", specs.Driver, refused, refused, "", specs.Refused},
		{"the driver fails", specs.Driver, failed, failed, "", specs.Failed},
		{"the driver has to wait", specs.Driver, pending, pending, "", specs.Pending},
		{"the driver fails as the list says", specs.Driver, failed, failed, "a reason", specs.Skipped},
		{"the driver is refused as the list says", specs.Driver, refused, refused, "a reason", specs.Skipped},
		{"the driver passes what is on the list", specs.Driver, passed, passed, "a reason", specs.Failed},

		{"both pass", specs.Future, passed, passed, "", specs.Passed},
		{"both pass, with other commands", specs.Future, sending(passed, other), passed, "", specs.Failed},
		{"ours fails what the driver passes", specs.Future, failed, passed, "", specs.Failed},
		{"ours is refused what the driver passes", specs.Future, refused, passed, "", specs.Failed},
		{"both are refused", specs.Callback, refused, refused, "", specs.Refused},
		{"both are refused, with other commands", specs.Callback, sending(refused, other), refused, "", specs.Failed},
		{"both fail", specs.Future, failed, failed, "", specs.Failed},
		{"both fail as the list says", specs.Future, failed, failed, "a reason", specs.Skipped},
		{"both fail as the list says, with other commands", specs.Future, sending(failed, other), failed, "a reason", specs.Failed},
		{"ours passes what is on the list", specs.Future, passed, failed, "a reason", specs.Failed},
		{"ours has to wait", specs.Future, pending, passed, "", specs.Pending},
		{"ours passes what the driver has to wait for", specs.Future, passed, pending, "", specs.Passed},
		{"ours is refused what the driver has to wait for", specs.Future, refused, pending, "", specs.Refused},
		{"ours fails what the driver has to wait for", specs.Future, failed, pending, "", specs.Failed},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, reason := specs.Judge(test.style, test.own, test.driver, test.skip); got != test.want {
				t.Errorf("%v (%s), want %v", got, reason, test.want)
			}
		})
	}
}

func TestVerdictsOnWhatMustFail(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		skip string
		want specs.Verdict
	}{
		{"it fails", errors.New("no such entity"), "", specs.Passed},
		{"it passes", nil, "", specs.Failed},
		{"it has to wait, which proves nothing", specs.PendingError("session"), "", specs.Pending},
		{"it passes as the list says", nil, "a reason", specs.Skipped},
		{"it fails, and is on the list", errors.New("no such entity"), "a reason", specs.Failed},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, reason := specs.JudgeInvalid(specs.Attempt{Err: test.err}, test.skip); got != test.want {
				t.Errorf("%v (%s), want %v", got, reason, test.want)
			}
		})
	}
}
