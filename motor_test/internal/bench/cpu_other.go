//go:build !unix

package bench

import "time"

// cpuTime returns 0, since only Unix systems tell the CPU time of a process in one way.
func cpuTime() time.Duration { return 0 }
