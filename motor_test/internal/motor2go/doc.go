// Package motor2go translates programs for Motor, in Python, to Go. It says what each statement with a member of Motor,
// or with a construct of asyncio or Tornado, becomes.
//
// What it knows about Motor comes from the ledger of package parity, and from the types of this module. It follows
// values through assignments, calls and attributes to know which class of Motor an expression has. It does not guess:
// a member of an unknown class is reported as unknown.
package motor2go

import (
	"fmt"
	"slices"

	"github.com/gomotor/gomotor/motor_test/internal/python"
	"github.com/gomotor/gomotor/motor_test/parity"
)

// Style is the style of the Go code.
type Style string

// The styles: futures in functions that return errors, callbacks on a loop, and coroutines on a loop.
const (
	Futures    Style = "future"
	Callbacks  Style = "callback"
	Coroutines Style = "coroutine"
)

// Styles returns all styles.
func Styles() []Style { return []Style{Futures, Callbacks, Coroutines} }

// Tool translates files.
type Tool struct {
	ledger *parity.Result
	module *parity.Module
	rows   map[string]map[string]*parity.Row // by class and member
}

// New reads the ledger and the module.
func New() (*Tool, error) {
	module, err := parity.Load()
	if err != nil {
		return nil, err
	}
	rows, err := parity.Rows()
	if err != nil {
		return nil, err
	}
	t := &Tool{ledger: parity.Check(module, rows), module: module, rows: make(map[string]map[string]*parity.Row)}
	for _, r := range rows {
		if t.rows[r.Class] == nil {
			t.rows[r.Class] = make(map[string]*parity.Row)
		}
		t.rows[r.Class][r.Member] = r
	}
	return t, nil
}

// row returns the row of a member of a class or of its base, or nil.
func (t *Tool) row(class, member string) *parity.Row {
	for ; class != ""; class = parity.Base(class) {
		if r := t.rows[class][member]; r != nil {
			return r
		}
	}
	return nil
}

// Finding is a statement, or the head of a compound statement, that uses Motor, asyncio or Tornado.
type Finding struct {
	Line    int      `json:"line"`
	Python  string   `json:"python"`
	Go      string   `json:"go"`
	Members []string `json:"members"`         // of Motor, and constructs, such as MotorCollection.find_one and asyncio.sleep
	Docs    []string `json:"docs,omitempty"`  // arguments of go doc, such as motor.Collection.FindOne
	Notes   []string `json:"notes,omitempty"` // what to watch for
	Unknown []string `json:"unknown,omitempty"`
	// warns says that the notes stand in the skeleton, too, if the statement has no member
	warns bool
}

// Report is the translation of a file.
type Report struct {
	File     string    `json:"file"`
	Style    Style     `json:"style"`
	Findings []Finding `json:"findings"`
	// Skeleton is the whole file in Go, with the Python as comments. It parses. A NOTE stands before each statement that
	// does not compile yet, and says why.
	Skeleton string `json:"-"`
}

// Translate translates a file. An error is that of the parser of Python.
func (t *Tool) Translate(name, src string, style Style) (*Report, error) {
	if !slices.Contains(Styles(), style) {
		return nil, fmt.Errorf("unknown style %q: want one of %q", style, Styles())
	}
	file, err := python.Parse(name, src)
	if err != nil {
		return nil, err
	}
	known := newFacts()
	var f *translation
	for range rounds {
		f = &translation{tool: t, file: file, style: style, facts: known, fetched: map[string]string{}}
		f.module()
	}
	return &Report{File: name, Style: style, Findings: f.findings, Skeleton: t.noteErrors(t.useAll(f.skeleton()))}, nil
}

// rounds is how often a file is read. What one round learns about attributes and functions, the next one uses.
const rounds = 4
