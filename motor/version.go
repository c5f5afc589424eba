package motor

import (
	"runtime/debug"
	"sync"
)

const modulePath = "github.com/gomotor/gomotor"

// Version returns the version of this module that the program was built with: "v1.2.3", or "(devel)" where the go
// command does not know it.
//
// Motor: motor.version.
func Version() string { return version() }

var version = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return devel
	}
	return versionIn(info)
})

// devel is how the go command calls the version of a module that has none.
const devel = "(devel)"

// versionIn returns the version of this module in a program.
func versionIn(info *debug.BuildInfo) string {
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path != modulePath {
			continue
		}
		if m.Replace != nil {
			m = m.Replace
		}
		if m.Version != "" {
			return m.Version
		}
	}
	return devel
}
