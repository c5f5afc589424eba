//go:build !unix

package compiletime

import (
	"errors"
	"os"
)

// usage fails: outside of Unix the system does not add up what the children of a process have used.
func usage(*os.ProcessState) (Build, error) {
	return Build{}, errors.New("compiletime: the CPU time of child processes can be measured on Unix only")
}
