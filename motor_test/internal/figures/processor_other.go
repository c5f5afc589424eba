//go:build !unix

package figures

import "time"

// processorTime returns 0: the CPU time is available on Unix only.
func processorTime() time.Duration { return 0 }
