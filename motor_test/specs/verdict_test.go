package specs_test

import (
	"errors"
	"testing"

	"github.com/gomotor/gomotor/motor_test/specs"
)

func TestJudge(t *testing.T) {
	var (
		sent    = []string{"find"}
		other   = []string{"find", "getMore"}
		passed  = specs.Attempt{Commands: sent}
		failed  = specs.Attempt{Err: errors.New("unexpected result"), Commands: sent}
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
		{"driver passes", specs.Driver, passed, passed, "", specs.Passed},
		{"driver refused", specs.Driver, refused, refused, "", specs.Refused},
		{"driver fails", specs.Driver, failed, failed, "", specs.Failed},
		{"driver pending", specs.Driver, pending, pending, "", specs.Pending},
		{"driver fails, skipped", specs.Driver, failed, failed, "a reason", specs.Skipped},
		{"driver refused, skipped", specs.Driver, refused, refused, "a reason", specs.Skipped},
		{"driver passes, skipped", specs.Driver, passed, passed, "a reason", specs.Failed},

		{"both pass", specs.Future, passed, passed, "", specs.Passed},
		{"both pass, other commands", specs.Future, sending(passed, other), passed, "", specs.Failed},
		{"motor fails, driver passes", specs.Future, failed, passed, "", specs.Failed},
		{"motor refused, driver passes", specs.Future, refused, passed, "", specs.Failed},
		{"both refused", specs.Callback, refused, refused, "", specs.Refused},
		{"both refused, other commands", specs.Callback, sending(refused, other), refused, "", specs.Failed},
		{"both fail", specs.Future, failed, failed, "", specs.Failed},
		{"both fail, skipped", specs.Future, failed, failed, "a reason", specs.Skipped},
		{"both fail, skipped, other commands", specs.Future, sending(failed, other), failed, "a reason", specs.Failed},
		{"motor passes, skipped", specs.Future, passed, failed, "a reason", specs.Failed},
		{"motor passes, driver fails, other commands", specs.Future, sending(passed, other), failed, "", specs.Passed},
		{"motor passes, driver refused, other commands", specs.Future, sending(passed, other), refused, "", specs.Passed},
		{"motor pending", specs.Future, pending, passed, "", specs.Pending},
		{"motor passes, driver pending", specs.Future, passed, pending, "", specs.Passed},
		{"motor refused, driver pending", specs.Future, refused, pending, "", specs.Refused},
		{"motor fails, driver pending", specs.Future, failed, pending, "", specs.Failed},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, reason := specs.Judge(test.style, test.own, test.driver, test.skip); got != test.want {
				t.Errorf("got %v (%s), want %v", got, reason, test.want)
			}
		})
	}
}

func TestJudgeInvalid(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		skip string
		want specs.Verdict
	}{
		{"fails", errors.New("no such entity"), "", specs.Passed},
		{"passes", nil, "", specs.Failed},
		{"pending", specs.PendingError("session"), "", specs.Pending},
		{"passes, skipped", nil, "a reason", specs.Skipped},
		{"fails, skipped", errors.New("no such entity"), "a reason", specs.Failed},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, reason := specs.JudgeInvalid(specs.Attempt{Err: test.err}, test.skip); got != test.want {
				t.Errorf("got %v (%s), want %v", got, reason, test.want)
			}
		})
	}
}
