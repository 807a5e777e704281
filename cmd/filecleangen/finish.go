package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/filecleangen/filecleangen/generator"
)

// finish writes the files, or says what it would write, and returns the exit
// status. Everything has been rendered by now.
func (c call) finish(files []generator.File, stdout, stderr io.Writer) int {
	differs := false
	for _, f := range files {
		stale, err := c.finishFile(f, stdout, stderr)
		if err != nil {
			report(stderr, err)
			return wrongInput
		}
		differs = differs || stale
	}
	if differs && c.check {
		fmt.Fprintln(stderr, "filecleangen: these files are out of date; run go generate")
	}
	if differs && (c.check || c.diff) {
		return wrongInput
	}
	return done
}

// finishFile does it for one file, and reports whether it was out of date.
func (c call) finishFile(f generator.File, stdout, stderr io.Writer) (stale bool, err error) {
	path := relative(f.Path)
	old, stale, err := f.Stale()
	if err != nil {
		return false, err
	}
	switch {
	case !stale:
		c.say(stderr, "unchanged", path)
	case c.check:
		fmt.Fprintln(stdout, path)
	case c.diff:
		name := filepath.ToSlash(path)
		fmt.Fprintf(stdout, "%s", diff.Diff("a/"+name, old, "b/"+name, f.Content))
	case c.dryRun:
		fmt.Fprintln(stdout, "would "+verb(f, "write", "remove"), path)
	default:
		if _, err := f.Write(); err != nil {
			return false, err
		}
		c.say(stderr, verb(f, "wrote", "removed"), path)
	}
	return stale, nil
}

func verb(f generator.File, write, remove string) string {
	if f.Content == nil {
		return remove
	}
	return write
}

// say prints what was done, if the user wants to know.
func (c call) say(w io.Writer, what, path string) {
	if c.verbose {
		fmt.Fprintln(w, what, path)
	}
}
