//go:build !unix

package compiletime

import (
	"errors"
	"os"
)

// usage fails, since other systems than Unix do not add up the usage of child processes.
func usage(*os.ProcessState) (Build, error) {
	return Build{}, errors.New("compiletime: the CPU time of child processes can be measured on Unix only")
}
