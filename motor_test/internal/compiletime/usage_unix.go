//go:build unix

package compiletime

import (
	"errors"
	"os"
	"runtime"
	"syscall"
)

// usage returns the resource usage of a process and of the children that it has waited for. wait4 adds them up.
func usage(state *os.ProcessState) (Build, error) {
	used, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return Build{}, errors.New("compiletime: the system did not report the resource usage of the go command")
	}
	peak := int64(used.Maxrss)
	if runtime.GOOS != "darwin" && runtime.GOOS != "ios" { // the unit is bytes there, KiB elsewhere
		peak *= 1024
	}
	return Build{CPU: state.UserTime() + state.SystemTime(), Peak: peak}, nil
}
