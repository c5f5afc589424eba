// Command soak runs mixed operations under faults: see package soak.
//
//	go run ./motor_test/cmd/soak [-ops N] [-seed S] [-uri URI]
//
// It exits with 1 if a promise was broken. Progress is one changing line on a terminal, and a line for every 50,000
// operations elsewhere. The last line is the summary.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"

	"github.com/gomotor/gomotor/motor_test/soak"
)

func main() {
	ops := flag.Int("ops", 20_000, "number of operations")
	seed := flag.Uint64("seed", rand.Uint64(), "seed of the faults")
	uri := flag.String("uri", "", "a standalone server without a user; empty: the embedded server")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fmt.Printf("soak: seed %d\n", *seed)
	terminal := false
	if info, err := os.Stdout.Stat(); err == nil {
		terminal = info.Mode()&os.ModeCharDevice != 0
	}
	started := time.Now()
	report, err := soak.Run(ctx, soak.Config{Operations: *ops, Seed: *seed, URI: *uri, Progress: func(done, of int) {
		switch {
		case terminal:
			fmt.Printf("\r%d of %d operations", done, of)
		case done%50_000 == 0:
			fmt.Printf("%d of %d operations after %s\n", done, of, time.Since(started).Round(time.Second))
		}
	}})
	if terminal {
		fmt.Println()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, p := range report.Problems {
		fmt.Println(p)
	}
	fmt.Printf("%d faults, the server stopped %d times, the primary moved %d times, the client closed %d times, %d operations failed with an error\n",
		report.Faults, report.Stops, report.Moves, report.Reopened, report.Failed)
	fmt.Println(report)
	if !report.OK() {
		fmt.Printf("run it again with -seed %d\n", *seed)
		os.Exit(1)
	}
}
