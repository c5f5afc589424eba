// Quickstart is the first program to run. It shows futures without MongoDB, and then runs the tour of the library,
// examples/tour, on an embedded MongoDB-compatible server. If MONGODB_URI is set, the tour uses that server.
//
// The first time, compiling the embedded server takes a minute or two. This program imports only the package future, so
// it starts after some seconds, and compiles the tour in the background.
//
//	go run ./examples/quickstart
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/gomotor/gomotor/future"
)

// tour is the program that this one compiles and runs.
const tour = "github.com/gomotor/gomotor/examples/tour"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "gomotor-quickstart-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	pool, err := future.NewPool(4) // runs at most four functions at a time
	if err != nil {
		return err
	}
	defer pool.Shutdown()

	// Go starts a function and returns its future. The function compiles the tour while this program goes on.
	program := future.Go(ctx, pool, func(ctx context.Context) (string, error) {
		path := filepath.Join(dir, "tour.exe") // Windows needs the ending, and other systems do not mind it
		out, err := exec.CommandContext(ctx, "go", "build", "-o", path, tour).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("go build %s: %w\n%s", tour, err, out)
		}
		return path, err
	})
	if err := futures(ctx, pool); err != nil {
		return err
	}

	heading("Now with MongoDB")
	path, err := await(ctx, program)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// futures shows what futures do. Only the package future is needed for this.
func futures(ctx context.Context, pool *future.Pool) error {
	heading("Futures without MongoDB")

	// All resolves to the results of its futures, in their order.
	const parts, size = 4, 100_000
	var counts []*future.Future[int]
	for i := range parts {
		counts = append(counts, future.Go(ctx, pool, func(context.Context) (int, error) {
			return primes(i*size, (i+1)*size), nil
		}))
	}
	// Then runs its function with the result of a future, and returns the future of what the function returns.
	total := future.Then(future.All(counts...), func(counts []int) (sum int, err error) {
		for _, n := range counts {
			sum += n
		}
		return sum, nil
	})
	n, err := total.Await(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%d primes below %d, counted in %d parts\n", n, parts*size, parts)

	// Race settles with the first of its futures. A timeout is an error with a type.
	answer := func(name string, delay time.Duration) *future.Future[string] {
		return future.Then(future.Sleep(delay), func(struct{}) (string, error) { return name, nil })
	}
	first, err := future.Race(answer("mirror 1", time.Second), answer("mirror 2", 10*time.Millisecond)).Await(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%s answered first\n", first)

	_, err = future.WaitFor(answer("mirror 3", time.Minute), 10*time.Millisecond).Await(ctx)
	if !errors.Is(err, future.ErrTimeout) {
		return fmt.Errorf("mirror 3: got %w, want a timeout", err)
	}
	fmt.Printf("mirror 3 did not answer in time: %v\n", err)
	return nil
}

// await waits until the tour is compiled, and tells every ten seconds that it still waits.
func await(ctx context.Context, program *future.Future[string]) (string, error) {
	begin := time.Now()
	for limit := 2 * time.Second; ; limit = 10 * time.Second {
		select {
		case <-program.Done():
			return program.Await(ctx)
		case <-time.After(limit):
			fmt.Printf("compiling the tour and the embedded server, which is needed once: %s\n",
				time.Since(begin).Round(time.Second))
		}
	}
}

// primes counts the primes from low to high-1.
func primes(low, high int) (count int) {
	for n := max(low, 2); n < high; n++ {
		prime := true
		for d := 2; d*d <= n && prime; d++ {
			prime = n%d != 0
		}
		if prime {
			count++
		}
	}
	return count
}

func heading(title string) { fmt.Printf("\n== %s\n", title) }
