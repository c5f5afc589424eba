package specs

import (
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// These functions export parts of the runner. Values are written in JSON; "" is an unset value.

func parsed(text string) value {
	if text == "" {
		return value{}
	}
	var doc struct {
		V value `bson:"v"`
	}
	if err := bson.UnmarshalExtJSON([]byte(`{"v":`+text+`}`), false, &doc); err != nil {
		panic(fmt.Sprintf("%s: %v", text, err))
	}
	return doc.V
}

func ownMatcher(entities map[string]string) *matcher {
	find := func(id string) (value, error) {
		text, ok := entities[id]
		if !ok {
			return value{}, fmt.Errorf("unknown entity %q", id)
		}
		return parsed(text), nil
	}
	return &matcher{entity: find, lsid: find}
}

func Match(expected, actual string, root bool, entities map[string]string) error {
	return ownMatcher(entities).match(parsed(expected), parsed(actual), root)
}

func MatchList(expected string, actual ...string) error {
	var values []value
	for _, text := range actual {
		values = append(values, parsed(text))
	}
	return ownMatcher(nil).matchList(parsed(expected), values)
}

func Identical(a, b string) bool { return identical(parsed(a), parsed(b)) }

func CheckError(expected string, err error) error {
	var e expectedError
	if err := bson.UnmarshalExtJSON([]byte(expected), false, &e); err != nil {
		panic(err)
	}
	return e.check(ownMatcher(nil), failureOf(err))
}

// ResultOf returns a result in JSON, or "" if there is none.
func ResultOf(result any) (string, error) {
	v, err := resultOf(result)
	if v.IsZero() {
		return "", err
	}
	return v.String(), err
}

func ParseFile(text string) error {
	_, err := parseFile([]byte(text))
	return err
}

// WhyUnmet checks requirements against a standalone server of the given version.
func WhyUnmet(alternatives, version, parameters string) string {
	var file struct {
		RunOn []requirement `bson:"runOnRequirements"`
	}
	if err := bson.UnmarshalExtJSON([]byte(`{"runOnRequirements":`+alternatives+`}`), false, &file); err != nil {
		panic(err)
	}
	return unmet(file.RunOn, &server{version: versionOf(version), topology: "single", parameters: parsed(parameters).Document()})
}

// Attempt is the outcome of a test for Judge: its error, and the commands sent.
type Attempt struct {
	Err      error
	Commands []string
}

func Judge(style string, own, driver Attempt, skip string) (Verdict, string) {
	return judge(style, attempt{trace{commands: own.Commands}, own.Err}, attempt{trace{commands: driver.Commands}, driver.Err}, skip)
}

func JudgeInvalid(own Attempt, skip string) (Verdict, string) {
	return judgeInvalid(attempt{err: own.Err}, skip)
}

func RefusedError(err error) error   { return refusal{err} }
func PendingError(name string) error { return &pending{name} }
func IsRefused(err error) bool       { _, ok := refused(err).(refusal); return ok }
func WithOptions(uri, extra string) (string, error) {
	return withOptions(uri, parsed(extra).Document())
}

func FailingOnly(failPoint string) (string, error) {
	command, err := failingOnly(parsed(failPoint).Document())
	text, _ := bson.MarshalExtJSON(command, false, false)
	return string(text), err
}

// Bounded runs fn as a test with a time limit, and returns the error of the test.
func Bounded(limit time.Duration, fn func() error) error {
	return bounded(limit, func() attempt { return attempt{err: fn()} }).err
}

// Step is an operation or the end of a command for Difference. Result and Results are in JSON.
type Step struct {
	Operation string   // the name
	Result    string   // its result
	Results   []string // the documents that it lists
	Command   string   // the command that was started, in JSON
	Failed    string   // the name of a command that failed
	Succeeded string   // the name of a command that succeeded
	Code      int32
}

func traceOf(steps []Step) trace {
	r := &run{entities: entities{byID: map[string]*entity{}}}
	rec := newRecorder()
	r.entities.byID["client"] = &entity{kind: "client", recorder: rec}
	r.entities.ids = []string{"client"}
	for _, step := range steps {
		switch {
		case step.Results != nil:
			var docs []value
			for _, text := range step.Results {
				docs = append(docs, parsed(text))
			}
			r.trace.operation(step.Operation, outcome{result: docs})
		case step.Operation != "":
			r.trace.operation(step.Operation, outcome{result: parsed(step.Result)})
		case step.Command != "":
			doc := parsed(step.Command).Document()
			rec.note(occurrence{kind: "commandStartedEvent", family: "command", command: doc.Index(0).Key(), document: doc})
		case step.Failed != "":
			rec.note(occurrence{kind: "commandFailedEvent", family: "command", command: step.Failed, failure: mongo.CommandError{Code: step.Code}})
		default:
			rec.note(occurrence{kind: "commandSucceededEvent", family: "command", command: step.Succeeded})
		}
	}
	r.record()
	return r.trace
}

// Difference returns the difference between two runs of a test, or "".
func Difference(own, reference []Step) string {
	a, b := traceOf(own), traceOf(reference)
	return a.difference(&b)
}
