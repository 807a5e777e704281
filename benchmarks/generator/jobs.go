package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// job is one command to measure.
type job struct {
	name    string
	command []string
	dir     string
	prepare func() error // before each run, not measured
}

// buildTools builds the commands that are measured, as the go.mod of this
// module has them, and returns their paths.
func buildTools(dir string) (tools map[string]string, err error) {
	tools = map[string]string{}
	if tools["self"], err = os.Executable(); err != nil {
		return nil, err
	}
	for _, path := range []string{
		"github.com/filecleangen/filecleangen/cmd/filecleangen",
		"golang.org/x/tools/cmd/stringer",
		"sigs.k8s.io/controller-tools/cmd/controller-gen",
	} {
		name := filepath.Base(path)
		tools[name] = filepath.Join(dir, name)
		build := exec.Command("go", "build", "-o", tools[name], path)
		build.Env = append(os.Environ(), "GOWORK=off")
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build %s: %w\n%s", path, err, out)
		}
	}
	return tools, nil
}

// jobsFor returns the jobs for a module. What a job wrote is removed before any
// other runs, so that nobody has to read the output of others.
func jobsFor(m *synthetic, tools map[string]string, root string) []*job {
	clean := func() error { return removeOutput(root) }
	filecleangen := []string{tools["filecleangen"], "./..."}
	upToDate := func() error {
		if err := clean(); err != nil {
			return err
		}
		c := exec.Command(filecleangen[0], filecleangen[1:]...)
		c.Dir = root
		return c.Run()
	}
	return []*job{
		{"nothing: a Go process", []string{tools["self"], "-job", "nothing"}, root, clean},
		{parseJob, []string{tools["self"], "-job", "parse", root}, root, clean},
		{"**filecleangen**", filecleangen, root, clean},
		{"**filecleangen**, all up to date", filecleangen, root, upToDate},
		{"go list -find ./...", []string{"go", "list", "-find", "./..."}, root, clean},
		{"stringer", append([]string{tools["stringer"], "-type", strings.Join(m.kinds, ",")}, m.dirs()...), root, clean},
		{"controller-gen object", []string{tools["controller-gen"], "object", "paths=./..."}, root, clean},
	}
}

// parseJob is the name of the job that others are compared with.
const parseJob = "parse: reads and parses the same files"

// removeOutput removes what the generators write.
func removeOutput(root string) error {
	return filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		name := filepath.Base(path)
		if err == nil && (name == "filecleangen_gen.go" || strings.HasSuffix(name, "_string.go") || strings.HasPrefix(name, "zz_generated")) {
			return os.Remove(path)
		}
		return err
	})
}

// parseAll reads and parses every Go file below a directory.
func parseAll(root string) error {
	fset := token.NewFileSet()
	return filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		_, err = parser.ParseFile(fset, path, nil, parser.SkipObjectResolution|parser.ParseComments)
		return err
	})
}
