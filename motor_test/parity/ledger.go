package parity

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

// members is the number of members of Motor in all its versions.
const members = 755

// motorTSV has a line for each member: facts about Motor, and then the columns
//
//	go      the symbols that replace it, or n/a, or pending
//	remark  what a user who ports code should know; for n/a, the reason
//	line    the text after "Motor:" in the doc comments of the symbols, where the rule of Lines does not apply: for
//	        each symbol, separated by bars, a text, nothing for the rule, or - for no text
//
//go:embed motor.tsv
var motorTSV string

// columns are the columns of motorTSV.
var columns = []string{
	"class", "member", "kind", "era", "params", "result", "server_command", "notes", "go", "remark", "line",
}

// Row is a member of Motor.
type Row struct {
	Class, Member string
	Kind          string   // async-method, sync-method, property, attribute, constructor, special
	Eras          []string // seed, legacy, current
	Params        string   // the current parameters || the former ones
	Result        string
	Command       string // the command sent to the server
	Facts         string
	Go            []string // the symbols, such as "motor.Client.Open"; empty if there are none
	Mark          string   // n/a or pending, instead of symbols
	Remark        string
	Lines         []string // the texts of the line column, one for each symbol
}

// The marks of rows without symbols.
const (
	notApplicable = "n/a"
	pending       = "pending"
)

// byRule in Row.Lines means that the line column has no text for the symbol.
const byRule = ""

// Name returns the name of the member with that of its class, such as MotorClient.open.
func (r *Row) Name() string { return r.Class + "." + r.Member }

// isOf reports whether the member existed in an era.
func (r *Row) isOf(era string) bool { return slices.Contains(r.Eras, era) }

// Rows returns the ledger.
func Rows() ([]*Row, error) { return parse(motorTSV) }

func parse(tsv string) ([]*Row, error) {
	lines := strings.Split(strings.TrimSuffix(tsv, "\n"), "\n")
	if head := strings.Join(columns, "\t"); lines[0] != head {
		return nil, fmt.Errorf("got the columns %q, want %q", lines[0], head)
	}
	var rows []*Row
	for i, line := range lines[1:] {
		row, err := parseRow(line)
		if err != nil {
			return nil, fmt.Errorf("line %d of the ledger: %w", i+2, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func parseRow(line string) (*Row, error) {
	fields := strings.Split(line, "\t")
	if len(fields) != len(columns) {
		return nil, fmt.Errorf("got %d columns, want %d", len(fields), len(columns))
	}
	r := &Row{
		Class: fields[0], Member: fields[1], Kind: fields[2], Eras: strings.Split(fields[3], ","), Params: fields[4],
		Result: fields[5], Command: fields[6], Facts: fields[7], Remark: fields[9],
	}
	switch symbols := fields[8]; symbols {
	case notApplicable, pending:
		r.Mark = symbols
		if fields[10] != "" {
			return nil, fmt.Errorf("%s: text in column line, but no symbol", r.Name())
		}
		return r, nil
	case "":
		return nil, fmt.Errorf("%s: need a symbol or a mark", r.Name())
	default:
		r.Go = strings.Split(symbols, ", ")
	}
	r.Lines = make([]string, len(r.Go))
	if fields[10] != "" {
		given := strings.Split(fields[10], "|")
		if len(given) != len(r.Go) {
			return nil, fmt.Errorf("%s: got %d texts in column line, want %d, one for each symbol", r.Name(), len(given), len(r.Go))
		}
		copy(r.Lines, given)
	}
	return r, nil
}

// classes returns the classes of the rows, in order.
func classes(rows []*Row) []string {
	var names []string
	for _, r := range rows {
		if !slices.Contains(names, r.Class) {
			names = append(names, r.Class)
		}
	}
	return names
}

// bases maps a class to the class whose members it also had.
var bases = map[string]string{
	"MotorReplicaSetClient":      "MotorClient",
	"MotorLatentCommandCursor":   "MotorCommandCursor",
	"MotorAggregationCursor":     "MotorCommandCursor",
	"MotorRawBatchCursor":        "MotorCursor",
	"MotorRawBatchCommandCursor": "MotorCommandCursor",
	"MotorGridOutCursor":         "MotorCursor",

	"(module) motor.frameworks.asyncio": "(module) motor.frameworks.tornado",
}
