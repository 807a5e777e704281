package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/gotooltest"
	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the files that scenarios compare with")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"filecleangen": main})
}

// TestScript runs the scenarios in testdata/script.
func TestScript(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	params := testscript.Params{
		Dir:                 filepath.Join(root, "testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Condition:           condition,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GOMODCACHE", strings.TrimSpace(string(cache)))
			env.Setenv("ROOT", root)
			bin, _, _ := strings.Cut(env.Getenv("PATH"), string(os.PathListSeparator))
			env.Setenv("BIN", bin) // where the command is, and nothing else
			return newModule(env.WorkDir, root)
		},
	}
	if err := gotooltest.Setup(&params); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, params)
}

// condition adds [cgo] to what scenarios can ask: whether C can be compiled.
func condition(name string) (bool, error) {
	if name != "cgo" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	out, err := exec.Command("go", "env", "CGO_ENABLED", "CC").Output()
	if err != nil {
		return false, err
	}
	enabled, compiler, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	_, err = exec.LookPath(strings.TrimSpace(compiler))
	return enabled == "1" && err == nil, nil
}

// newModule makes dir the module example.com/app, unless the scenario brings a
// go.mod of its own, in a workspace with this module: it need not require it. A
// scenario may also bring a go.work of its own.
func newModule(dir, root string) error {
	if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
		return nil
	}
	mod := filepath.Join(dir, "go.mod")
	if _, err := os.Stat(mod); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(mod, []byte("module example.com/app\n\ngo 1.26.0\n"), 0o644); err != nil {
			return err
		}
	}
	work := "go 1.26.0\n\nuse (\n\t.\n\t" + filepath.ToSlash(root) + "\n)\n"
	return os.WriteFile(filepath.Join(dir, "go.work"), []byte(work), 0o644)
}
