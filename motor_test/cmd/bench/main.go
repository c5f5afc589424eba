// Command bench compares the speed of this library with that of the driver, and of futures with other futures.
//
//	go run ./motor_test/cmd/bench [-quick] [-only REGEXP] [-uri URI] [-peers] [-python FILE]... [-data DIR] [-json FILE] [-svg FILE] [-markdown FILE]
//
// It prints a row for each task: the times of both ways, the ratio, its spread, the goal, the CPU time of a task, the peak
// of memory of a run, and the megabytes a second. A row whose goal is about memory says so. The command exits with 1 if a
// row misses its goal by more than its spread. The server is a stub that answers at once, in a process of its own, or the one
// that -uri names: its database d is dropped. The rows of MongoDB's driver benchmark use the data sets of the folder that
// -data names, or others of the same shapes. With -peers it also measures clients in other languages that are installed: Motor and PyMongo for the
// interpreters of Python that -python names, and MongoDB's driver for Node, found through NODE_PATH.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"time"

	"github.com/gomotor/gomotor/motor_test/internal/bench"
)

func main() {
	missed, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || missed > 0 {
		os.Exit(1)
	}
}

func run() (missed int, err error) {
	quick := flag.Bool("quick", false, "measure for less than a minute")
	only := flag.String("only", "", "measure the rows that match this regular `expression`")
	uri := flag.String("uri", "", "connection string of the server (default: a stub)")
	peers := flag.Bool("peers", false, "also measure clients in other languages")
	var pythons []string
	flag.Func("python", "measure the peers of this interpreter of Python; `file` or command, may be repeated (default: python3)",
		func(name string) error { pythons = append(pythons, name); return nil })
	data := flag.String("data", "", "`folder` with the data sets of MongoDB's driver benchmark, unpacked")
	jsonFile := flag.String("json", "", "write the figures to this `file`")
	svgFile := flag.String("svg", "", "draw a chart into this `file`")
	markdownFile := flag.String("markdown", "", "write the table to this `file`, for a page")
	stub := flag.Bool("stub", false, "run the stub until the input ends")
	flag.Parse()
	if flag.NArg() > 0 {
		return 0, fmt.Errorf("bench: unexpected arguments: %q", flag.Args())
	}
	corpus, err := bench.LoadCorpus(*data)
	if err != nil {
		return 0, err
	}
	if *stub {
		return 0, bench.ServeStub(corpus, os.Stdin, os.Stdout)
	}
	config, seconds := bench.Config{Rounds: 9, Slice: 200 * time.Millisecond, Limit: 12 * time.Second}, 0.7
	rounds := 3
	if *quick {
		config.Rounds, config.Slice, config.Limit, seconds = 3, 30*time.Millisecond, time.Second, 0.2
		rounds = 1
	}
	if config.Only, err = regexp.Compile(*only); err != nil {
		return 0, fmt.Errorf("bench: -only: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	server := *uri
	if server == "" {
		self, err := os.Executable()
		if err != nil {
			return 0, err
		}
		address, end, err := bench.StartStubProcess(context.WithoutCancel(ctx), self, "-stub", "-data", *data)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, end()) }()
		server = address
	}
	results, err := bench.Run(ctx, server, *uri == "", config, corpus, os.Stdout)
	if err != nil {
		return 0, err
	}
	var others []bench.Peer
	if *peers {
		if others, err = bench.MeasurePeers(ctx, server, pythons, rounds, seconds, os.Stdout); err != nil {
			return 0, err
		}
	}
	if err := write(*jsonFile, func(out io.Writer) error { return bench.WriteJSON(out, results, others) }); err != nil {
		return 0, err
	}
	if err := write(*svgFile, func(out io.Writer) error { return bench.WriteSVG(out, results) }); err != nil {
		return 0, err
	}
	if err := write(*markdownFile, func(out io.Writer) error {
		return errors.Join(bench.WriteMarkdown(out, results), bench.WritePeersMarkdown(out, others))
	}); err != nil {
		return 0, err
	}
	line, missed := bench.Summary(results)
	fmt.Println(line)
	return missed, nil
}

// write writes a file, if it has a name.
func write(name string, content func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(content(file), file.Close())
}
