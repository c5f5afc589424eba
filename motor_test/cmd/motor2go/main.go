// Motor2go reads programs for Motor, in Python, and says what each use of Motor, asyncio and Tornado becomes in Go.
//
//	go run ./motor_test/cmd/motor2go [-style future|callback|coroutine] [-json] [-all] FILE.py...
//
// For each statement it prints the line, the Python code, the Go code, the arguments for go doc, and what to watch for.
// A member that it does not know is listed as unknown. With -all it prints the whole file in Go, with the Python code as
// comments. Such a skeleton must be completed by hand. A note stands before each statement that does not compile yet.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/gomotor/gomotor/motor_test/internal/motor2go"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("motor2go: ")
	style := flag.String("style", string(motor2go.Coroutines), "the `style` of the Go code: future, callback or coroutine")
	asJSON := flag.Bool("json", false, "print JSON, one report for each file")
	all := flag.Bool("all", false, "print the whole file in Go")
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	tool, err := motor2go.New()
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range flag.Args() {
		if err := run(os.Stdout, tool, name, motor2go.Style(*style), *asJSON, *all); err != nil {
			log.Fatal(err)
		}
	}
}

func run(w io.Writer, tool *motor2go.Tool, name string, style motor2go.Style, asJSON, all bool) error {
	src, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	report, err := tool.Translate(name, string(src), style)
	switch {
	case err != nil:
		return err
	case asJSON:
		out := json.NewEncoder(w)
		out.SetEscapeHTML(false)
		return out.Encode(report)
	case all:
		_, err := fmt.Fprint(w, report.Skeleton)
		return err
	}
	return report.Write(w)
}
