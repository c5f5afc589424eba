package specs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/gomotor/gomotor/motor_test/faultproxy"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// Config selects what to run.
type Config struct {
	Dir    string   // "": the files of the required module
	URI    string   // "": the server of package mongotest
	Styles []string // nil: all
	Suites []string // nil: the suites for the embedded server, or all suites of the folder with another server
	Each   func(Result)
}

// Run runs suites in the styles. It calls config.Each, if set, with each result as soon as it is known.
func Run(ctx context.Context, config Config) (*Report, error) {
	for _, style := range config.Styles {
		if !slices.Contains(Styles, style) {
			return nil, fmt.Errorf("specs: unknown style %q", style)
		}
	}
	if config.Styles == nil {
		config.Styles = Styles
	}
	ownFiles := config.Dir == ""
	if ownFiles {
		var err error
		if config.Dir, err = DefaultDir(); err != nil {
			return nil, err
		}
	}
	if config.Suites == nil && config.URI == "" && mongotest.Embedded() && ownFiles {
		config.Suites = Embedded
	}
	all, err := suites(config.Dir, config.Suites)
	if err != nil {
		return nil, err
	}
	var jobs []job
	for _, suite := range all {
		for _, f := range suite.files {
			jobs = append(jobs, job{suite.name, f})
		}
	}
	if config.URI == "" && !mongotest.Embedded() {
		started, err := mongotest.Run(ctx)
		if err != nil {
			return nil, err
		}
		config.URI = started.URI()
	}
	workers := 1
	if config.URI == "" {
		workers = min(embeddedWorkers, len(jobs))
	}
	var (
		mu      sync.Mutex
		next    int
		failed  error
		results = make([][]Result, len(jobs))
		wait    sync.WaitGroup
	)
	for range workers {
		wait.Go(func() {
			servers, err := start(ctx, config)
			defer servers.close(context.WithoutCancel(ctx), all)
			for err == nil {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= len(jobs) {
					return
				}
				err = jobs[i].run(ctx, servers, config.Styles, func(r Result) {
					mu.Lock()
					defer mu.Unlock()
					results[i] = append(results[i], r)
					if config.Each != nil {
						config.Each(r)
					}
				})
			}
			mu.Lock()
			failed = cmp.Or(failed, err)
			mu.Unlock()
		})
	}
	wait.Wait()
	return &Report{Results: slices.Concat(results...)}, failed
}

// embeddedWorkers is the number of files that run at the same time with embedded servers. Most tests wait for a driver
// that looks for its server again after a fault.
const embeddedWorkers = 3

// job is a file of a suite.
type job struct {
	suite string
	file  suiteFile
}

// run runs the tests of the file, and calls each with their results.
func (j job) run(ctx context.Context, servers *deployment, styles []string, each func(Result)) error {
	for i := range j.file.file.Tests {
		for _, result := range runTest(ctx, servers, styles, j.file, &j.file.file.Tests[i]) {
			result.Suite = j.suite
			each(result)
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
	return nil
}

// deployment has the servers of the tests, and whatever start has started.
type deployment struct {
	topologies []servers
	shared     bool // all styles use one server
	closers    []func() error
}

// servers are the servers of one topology, by style.
type servers map[string]*server

// start connects to the server of the configuration. Without one it starts an embedded server for each style, so that
// the styles run at the same time. Each is used through a proxy that makes it fail and poses as a replica set, through
// one that poses as a load balancer, and directly.
func start(ctx context.Context, config Config) (*deployment, error) {
	if config.URI != "" {
		d := &deployment{topologies: []servers{{}}, shared: true}
		s, err := connect(ctx, config.URI, config.URI)
		if err != nil {
			return d, err
		}
		for _, style := range Styles {
			d.topologies[0][style] = s
		}
		return d, nil
	}
	d := &deployment{topologies: []servers{{}, {}, {}}}
	for _, style := range Styles {
		if style != Driver && !slices.Contains(config.Styles, style) {
			continue
		}
		started, err := mongotest.Run(ctx)
		if err != nil {
			return d, err
		}
		d.closers = append(d.closers, started.Close)
		proxy, err := faultproxy.Start(ctx, started.URI())
		if err != nil {
			return d, err
		}
		d.closers = append(d.closers, proxy.Close)
		balancer, err := faultproxy.StartBalanced(ctx, started.URI(), 2)
		if err != nil {
			return d, err
		}
		d.closers = append(d.closers, balancer.Close)
		for i, uris := range [][2]string{
			{proxy.URI(), proxy.URI()}, {balancer.SingleURI(), balancer.URI()}, {started.URI(), started.URI()},
		} {
			if d.topologies[i][style], err = connect(ctx, uris[0], uris[1]); err != nil {
				return d, err
			}
		}
	}
	return d, nil
}

// meeting returns the servers of the first topology that meets the requirements of a test. If there is none, it returns
// the first servers, and the reason.
func (d *deployment) meeting(f *file, test *testCase) (s servers, reason string) {
	for _, all := range d.topologies {
		missing := cmp.Or(unmet(f.RunOn, all[Driver]), unmet(test.RunOn, all[Driver]))
		if missing == "" {
			return all, ""
		}
		if s == nil {
			s, reason = all, missing
		}
	}
	return s, reason
}

// close drops the databases of the tests and stops what start has started. It ignores errors, since the tests are over.
func (d *deployment) close(ctx context.Context, all []*suite) {
	closed := map[*server]bool{}
	for _, topology := range d.topologies {
		for _, s := range topology {
			if s != nil && !closed[s] {
				closed[s] = true
				s.clean(ctx, all)
				_ = s.close(ctx)
			}
		}
	}
	for _, end := range slices.Backward(d.closers) {
		_ = end()
	}
}

// tryAll runs a test in the styles and with the driver, which is the reference for the others. Styles that share a
// server run one after the other, since they use the same databases.
func (d *deployment) tryAll(ctx context.Context, on servers, styles []string, f *file, test *testCase) map[string]attempt {
	attempts := map[string]attempt{}
	var (
		mu   sync.Mutex
		wait sync.WaitGroup
	)
	for _, style := range Styles {
		if style != Driver && !slices.Contains(styles, style) {
			continue
		}
		run := func() {
			a := try(ctx, on[style], style, f, test)
			mu.Lock()
			attempts[style] = a
			mu.Unlock()
		}
		if d.shared {
			run()
		} else {
			wait.Go(run)
		}
	}
	wait.Wait()
	return attempts
}

// runTest runs a test in each style.
func runTest(ctx context.Context, d *deployment, styles []string, f suiteFile, test *testCase) []Result {
	on, reason := d.meeting(f.file, test)
	s := on[Driver]
	var results []Result
	add := func(style string, v Verdict, reason string) {
		results = append(results, Result{File: f.path, Test: test.Description, Style: style, Verdict: v, Reason: reason})
	}
	reason = cmp.Or(reason, test.SkipReason, withheldReason(s, f.path, test.Description))
	if reason != "" || f.refused != nil {
		for _, style := range styles {
			switch {
			case f.refused != nil && f.invalid:
				add(style, Passed, "")
			case f.refused != nil:
				add(style, Failed, f.refused.Error())
			default:
				add(style, Unmet, reason)
			}
		}
		return results
	}
	for range clockAttempts {
		results = results[:0]
		attempts := d.tryAll(ctx, on, styles, f.file, test)
		for _, style := range styles {
			own, skip := attempts[style], skipped(s, f.path, test.Description)
			verdict, reason := judgeInvalid(own, skip)
			if !f.invalid {
				verdict, reason = judge(style, own, attempts[Driver], skip)
			}
			add(style, verdict, reason)
		}
		failed := slices.ContainsFunc(results, func(r Result) bool { return r.Verdict == Failed })
		if !failed || !f.file.timed(test) || ctx.Err() != nil {
			break
		}
	}
	return results
}

// clockAttempts is how often a test with time limits may run. Its server answers up to 10 ms before or after a limit, so
// the outcome of one run also depends on the machine.
const clockAttempts = 3
