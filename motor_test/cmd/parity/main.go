// Parity reports what each member of Motor has become, and fails if one is missing.
//
// With -write it instead updates what is generated from the ledger: MIGRATION.md and the lines "Motor: ..." of the doc
// comments.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/gomotor/gomotor/motor_test/parity"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("parity: ")
	write := flag.Bool("write", false, "update MIGRATION.md and the lines in doc comments")
	flag.Parse()
	if flag.NArg() > 0 {
		log.Fatalf("unexpected arguments: %q", flag.Args())
	}
	ok, err := run(*write)
	if err != nil {
		log.Fatal(err)
	}
	if !ok {
		os.Exit(1)
	}
}

func run(write bool) (ok bool, err error) {
	module, err := parity.Load()
	if err != nil {
		return false, err
	}
	rows, err := parity.Rows()
	if err != nil {
		return false, err
	}
	result := parity.Check(module, rows)
	if !write {
		return result.OK(), result.Report(os.Stdout)
	}
	changed, err := result.Write()
	for _, path := range changed {
		fmt.Println("written:", path)
	}
	return true, err
}
