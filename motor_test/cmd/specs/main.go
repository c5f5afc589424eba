// Command specs runs MongoDB's specification tests in the unified format: through the driver, through futures, and
// through callbacks.
//
//	go run ./motor_test/cmd/specs [-dir DIR] [-uri URI] [-style driver|future|callback|all] [-suite NAME ...] [-v]
//
// Without -dir it takes the files that come with the module of the tests. Without -uri it takes the server that
// MONGODB_URI names, or starts the embedded one; then it runs, of its own files, the suites that this one can serve.
// It exits with 1 if anything fails.
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
	flag.StringVar(&config.Dir, "dir", "", "the folder of the files")
	flag.StringVar(&config.URI, "uri", "", "the server")
	flag.Func("suite", "a suite: a folder of the files, such as crud; more than once for several", func(name string) error {
		config.Suites = append(config.Suites, strings.Fields(strings.ReplaceAll(name, ",", " "))...)
		return nil
	})
	flag.Parse()
	// "-suite crud run-command": what follows are names too.
	if config.Suites != nil {
		config.Suites = append(config.Suites, flag.Args()...)
	} else if flag.NArg() > 0 {
		return false, fmt.Errorf("specs: what is %q?", flag.Args())
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
