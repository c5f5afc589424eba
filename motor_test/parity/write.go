package parity

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// migrationPath returns the path of MIGRATION.md.
func (m *Module) migrationPath() string { return filepath.Join(m.root, "MIGRATION.md") }

// Write updates MIGRATION.md, the doc comments and the generated code. It returns the paths of the files that it
// changed itself.
func (res *Result) Write() (changed []string, err error) {
	comments, err := res.staleComments()
	if err != nil {
		return nil, err
	}
	for _, c := range comments {
		if err := c.rewrite(); err != nil {
			return changed, err
		}
		if n := len(changed); n == 0 || changed[n-1] != c.File {
			changed = append(changed, c.File)
		}
	}
	if len(comments) > 0 {
		handles := exec.Command("go", "generate", ".")
		handles.Dir = filepath.Join(res.module.root, "callback")
		if out, err := handles.CombinedOutput(); err != nil {
			return changed, fmt.Errorf("go generate in callback: %w\n%s", err, out)
		}
	}
	want, err := res.Migration()
	if err != nil {
		return changed, err
	}
	have, err := os.ReadFile(res.module.migrationPath())
	if err == nil && string(have) == want {
		return changed, nil
	}
	return append(changed, res.module.migrationPath()), os.WriteFile(res.module.migrationPath(), []byte(want), 0o644)
}
