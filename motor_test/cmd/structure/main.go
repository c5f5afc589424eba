// Command structure counts the source files of a package and the files in its largest cycle. A cycle is a group of
// files that all depend on each other.
//
//	go run ./motor_test/cmd/structure [-package PACKAGE] [-edges] [-limit-files N] [-limit-cycle N]
//	go run ./motor_test/cmd/structure -path OPERATION [-limit-path N]
//
// With -edges it also prints the edges of the cycle and the cheapest cuts. With -path it runs InsertOne, or Next of a
// cursor, in callback style, and lists the files whose statements ran because of it. It exits with 1 if a figure
// exceeds its limit.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/gomotor/gomotor/motor_test/internal/structure"
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
	limits := structure.Limits{}
	name := flag.String("package", "./motor", "`package`, in the form that go list takes")
	edges := flag.Bool("edges", false, "print the edges of the largest cycle, and the cheapest cuts")
	operation := flag.String("path", "", "list the files that an `operation` (InsertOne or Next) crosses")
	flag.IntVar(&limits.Files, "limit-files", 60, "maximal number of source files")
	flag.IntVar(&limits.Cycle, "limit-cycle", 25, "maximal number of files in the largest cycle")
	limit := flag.Int("limit-path", 0, "maximal number of files that the operation crosses (default: 18 for InsertOne, 20 for Next)")
	flag.Parse()
	if flag.NArg() > 0 {
		return nil, fmt.Errorf("structure: unexpected arguments: %q", flag.Args())
	}
	if *operation != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		return crossing(ctx, *operation, *limit)
	}
	graph, err := structure.Load(*name)
	if err != nil {
		return nil, err
	}
	if err := graph.Write(os.Stdout); err != nil {
		return nil, err
	}
	if *edges {
		if err := graph.WriteEdges(os.Stdout, limits.Cycle); err != nil {
			return nil, err
		}
	}
	return graph.Exceeded(limits), nil
}

func crossing(ctx context.Context, operation string, limit int) (exceeded []string, err error) {
	files, err := structure.Crossing(ctx, operation)
	if err != nil {
		return nil, err
	}
	if limit == 0 {
		limit = structure.CrossingLimits[operation]
	}
	fmt.Printf("%s crosses %d files\n", operation, len(files))
	for _, file := range files {
		fmt.Printf("\t%s\n", file)
	}
	if len(files) > limit {
		return []string{fmt.Sprintf("%s crosses %d files: want at most %d", operation, len(files), limit)}, nil
	}
	return nil, nil
}
