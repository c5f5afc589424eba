package motor_test

import (
	"runtime/debug"
	"testing"

	"github.com/gomotor/gomotor/motor"
)

func TestVersion(t *testing.T) {
	const path = "github.com/gomotor/gomotor"
	for _, test := range []struct {
		name string
		info debug.BuildInfo
		want string
	}{
		{"a dependency",
			debug.BuildInfo{Main: debug.Module{Path: "app", Version: "v9.9.9"}, Deps: []*debug.Module{
				{Path: path + "/motor_test", Version: "v8.8.8"}, {Path: path, Version: "v1.2.3"},
			}}, "v1.2.3",
		},
		{"replaced by another version",
			debug.BuildInfo{Deps: []*debug.Module{{Path: path, Version: "v1.2.3", Replace: &debug.Module{Path: "fork", Version: "v1.2.4"}}}}, "v1.2.4",
		},
		{"replaced by a directory",
			debug.BuildInfo{Deps: []*debug.Module{{Path: path, Version: "v1.2.3", Replace: &debug.Module{Path: "../gomotor"}}}}, "(devel)",
		},
		{"the main module", debug.BuildInfo{Main: debug.Module{Path: path, Version: "v1.3.0"}}, "v1.3.0"},
		{"not there", debug.BuildInfo{Main: debug.Module{Path: "app", Version: "v9.9.9"}}, "(devel)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := motor.VersionIn(&test.info); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if motor.Version() == "" {
		t.Error("Version() is empty")
	}
}
