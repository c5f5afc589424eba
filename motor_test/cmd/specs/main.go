// Command specs runs MongoDB's specification tests in the unified format, with the driver, with futures, and with
// callbacks.
//
//	go run ./motor_test/cmd/specs [-dir DIR] [-uri URI] [-style driver|future|callback|all] [-suite NAME ...] [-v]
//
// Without -dir it uses the files of the module that the tests require. Without -uri it uses the server that
// MONGODB_URI names, or starts the embedded one. With the embedded server and the default files, it runs only the
// suites that the server supports. It exits with 1 if a test fails.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/gomotor/gomotor/motor_test/specs"
)

func main() {
	ok, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if !ok || err != nil {
		os.Exit(1)
	}
}

func run() (ok bool, err error) {
	var config specs.Config
	style := flag.String("style", "all", "driver, future, callback or all")
	verbose := flag.Bool("v", false, "print every test")
	flag.StringVar(&config.Dir, "dir", "", "folder of the files")
	flag.StringVar(&config.URI, "uri", "", "connection string of the server")
	flag.Func("suite", "suite, such as crud: a folder of the files; may be repeated", func(name string) error {
		config.Suites = append(config.Suites, strings.Fields(strings.ReplaceAll(name, ",", " "))...)
		return nil
	})
	flag.Parse()
	// In "-suite crud run-command", the arguments that follow are suites too.
	if config.Suites != nil {
		config.Suites = append(config.Suites, flag.Args()...)
	} else if flag.NArg() > 0 {
		return false, fmt.Errorf("specs: unexpected arguments: %q", flag.Args())
	}
	if *style != "all" {
		config.Styles = []string{*style}
	}
	config.Each = func(r specs.Result) {
		if !*verbose && r.Verdict != specs.Failed {
			return
		}
		fmt.Printf("%s %s: %s: %s", r.Style, r.File, r.Test, r.Verdict)
		if r.Reason != "" {
			fmt.Printf(": %s", r.Reason)
		}
		fmt.Println()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	report, err := specs.Run(ctx, config)
	if report != nil {
		if writeErr := report.Write(os.Stdout); err == nil {
			err = writeErr
		}
		ok = !report.Failed()
	}
	return ok, err
}
