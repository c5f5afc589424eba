// Command compiletime measures how long it takes to rebuild a small program after a change to it, with everything else
// cached. The programs call one FindOne: with a future, with a callback, in a coroutine, and on the driver.
//
//	go run ./motor_test/cmd/compiletime [-rounds N] [-limit-functions N] [-limit-cpu RATIO] [-checkout DIR] [-v]
//
// It prints the CPU time, the peak memory and the number of functions compiled in the user's package. It exits with 1
// if a program that uses gomotor exceeds a limit. With -checkout it measures another checkout of gomotor.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/gomotor/gomotor/motor_test/internal/compiletime"
)

func main() {
	exceeded, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	for _, sentence := range exceeded {
		fmt.Fprintln(os.Stderr, sentence)
	}
	if err != nil || len(exceeded) > 0 {
		os.Exit(1)
	}
}

func run() (exceeded []string, err error) {
	config := compiletime.Config{}
	limits := compiletime.Limits{}
	flag.IntVar(&config.Rounds, "rounds", 5, "number of rebuilds of each program; the figures are medians")
	flag.IntVar(&limits.Functions, "limit-functions", 1500, "maximal number of functions compiled in the user's package")
	flag.Float64Var(&limits.CPU, "limit-cpu", 2.0, "maximal CPU time, as a multiple of the driver program's")
	flag.StringVar(&config.Checkout, "checkout", "", "`directory` of gomotor's module (default: the current one)")
	verbose := flag.Bool("v", false, "print every build")
	flag.Parse()
	if flag.NArg() > 0 {
		return nil, fmt.Errorf("compiletime: unexpected arguments: %q", flag.Args())
	}
	if config.Rounds < 1 {
		return nil, fmt.Errorf("compiletime: invalid number of rounds %d: need at least 1", config.Rounds)
	}
	if *verbose {
		config.Log = os.Stderr
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	report, err := compiletime.Run(ctx, config)
	if err != nil {
		return nil, err
	}
	return report.Exceeded(limits), report.Write(os.Stdout)
}
