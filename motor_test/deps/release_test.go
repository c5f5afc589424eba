package deps_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// release is a clone of a repository whose tag v0.3.0 is checked out. A directory takes the place of GitHub: it holds the
// notes that are published.
type release struct {
	t                     *testing.T
	dir, remote, releases string
}

func newRelease(t *testing.T) *release {
	t.Helper()
	for _, program := range []string{"bash", "git"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	scratch := t.TempDir()
	r := &release{t, filepath.Join(scratch, "clone"), filepath.Join(scratch, "remote"), filepath.Join(scratch, "releases")}
	for path, text := range map[string]string{
		"clone/CHANGELOG.md": "# Changelog\n\n## 0.3.0 - 2026-12-01\n\nThe notes.\n\n## 0.2.0 - 2026-11-01\n\nOlder.\n",
		"clone/.ci/release":  r.script("release"), "clone/.ci/release-notes": r.script("release-notes"),
		// The commands of GitHub's program that the script uses.
		"bin/gh": `#!/usr/bin/env bash
set -eu
case "$1 $2" in
"release view") test -e "$RELEASES/$3" ;;
"release create") test ! -e "$RELEASES/$3"; printf '%s' "${@: -1}" >"$RELEASES/$3" ;;
*) exit 2 ;;
esac
`,
		"releases/.keep": "",
	} {
		path = filepath.Join(scratch, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", filepath.Join(scratch, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("RELEASES", r.releases)
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	r.git("init", "-q")
	r.git("init", "-q", "--bare", r.remote)
	r.git("remote", "add", "origin", r.remote)
	r.commit("release")
	r.git("tag", "v0.3.0")
	r.git("push", "-q", "origin", "v0.3.0")
	return r
}

func (r *release) script(name string) string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(checkout(r.t), ".ci", name))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

func (r *release) git(args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "git", args...)
	cmd.Dir = r.dir
	return strings.TrimSpace(output(r.t, cmd))
}

func (r *release) commit(subject string) {
	r.t.Helper()
	r.git("add", "-A")
	r.git("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", subject)
}

func (r *release) publish() error {
	cmd := exec.CommandContext(r.t.Context(), "bash", ".ci/release", "v0.3.0")
	cmd.Dir = r.dir
	out, err := cmd.CombinedOutput()
	r.t.Logf("%s", out)
	return err
}

// check fails unless both nested tags name the commit of the version, and the notes are published.
func (r *release) check() {
	r.t.Helper()
	want := r.git("rev-parse", "v0.3.0")
	for _, tag := range []string{"examples/v0.3.0", "motor_test/v0.3.0"} {
		if got, _, _ := strings.Cut(r.git("ls-remote", "origin", "refs/tags/"+tag), "\t"); got != want {
			r.t.Errorf("tag %s: got commit %q, want %s", tag, got, want)
		}
	}
	notes, err := os.ReadFile(filepath.Join(r.releases, "v0.3.0"))
	if got := strings.TrimSpace(string(notes)); got != "The notes." || err != nil {
		r.t.Errorf("got notes %q, %v, want those of 0.3.0", got, err)
	}
}

func TestReleaseCanBeRepeated(t *testing.T) {
	for _, test := range []struct {
		name string
		done func(*release) // what a run before has done
	}{
		{"nothing is done", func(*release) {}},
		{"one tag is there", func(r *release) { r.git("push", "-q", "origin", "HEAD:refs/tags/examples/v0.3.0") }},
		{"both tags are there", func(r *release) {
			r.git("push", "-q", "origin", "HEAD:refs/tags/examples/v0.3.0", "HEAD:refs/tags/motor_test/v0.3.0")
		}},
		{"all is done", func(r *release) {
			if err := r.publish(); err != nil {
				r.t.Fatal(err)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRelease(t)
			test.done(r)
			if err := r.publish(); err != nil {
				t.Fatal(err)
			}
			r.check()
		})
	}
}

func TestReleaseKeepsForeignTag(t *testing.T) {
	r := newRelease(t)
	r.commit("later")
	r.git("push", "-q", "origin", "HEAD:refs/tags/motor_test/v0.3.0")
	r.git("checkout", "-q", "v0.3.0")
	if err := r.publish(); err == nil {
		t.Error("got no error for a nested tag of another commit")
	}
	if got := r.git("ls-remote", "origin", "refs/tags/examples/v0.3.0"); got != "" {
		t.Errorf("got tag %q after a refused push, want none", got)
	}
	if _, err := os.Stat(filepath.Join(r.releases, "v0.3.0")); err == nil {
		t.Error("the notes are published, want them only with both tags")
	}
}
