package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/filecleangen/filecleangen/generator"
)

// The exit statuses.
const (
	done       = 0
	wrongInput = 1
	wrongCall  = 2
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

//go:embed doc.go
var manual string

// usage returns the package comment.
func usage() string {
	_, text, _ := strings.Cut(manual, "/*\n")
	text, _, _ = strings.Cut(text, "*/")
	return text
}

func run(args []string, stdout, stderr io.Writer) int {
	c, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage())
		return done
	case err != nil:
		fmt.Fprintf(stderr, "filecleangen: %v\nRun filecleangen -h for the manual.\n", err)
		return wrongCall
	case c.version:
		fmt.Fprintln(stdout, "filecleangen", buildVersion())
		return done
	}
	files, err := generator.Generate(context.Background(), c.config)
	if err != nil {
		report(stderr, err)
		return wrongInput
	}
	return c.finish(files, stdout, stderr)
}

// call is a parsed command line.
type call struct {
	config              generator.Config
	version             bool
	check, diff, dryRun bool // instead of writing; at most one
	verbose             bool
}

// parse reads the command line.
func parse(args []string) (c call, err error) {
	flags := flag.NewFlagSet("filecleangen", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	types := flags.String("type", "", "")
	flags.StringVar(&c.config.Output, "output", generator.DefaultOutput, "")
	flags.StringVar(&c.config.Tags, "tags", "", "")
	flags.BoolVar(&c.check, "check", false, "")
	flags.BoolVar(&c.diff, "diff", false, "")
	flags.BoolVar(&c.dryRun, "n", false, "")
	flags.BoolVar(&c.verbose, "v", false, "")
	flags.BoolVar(&c.version, "version", false, "")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	c.config.Patterns = flags.Args()
	for _, p := range c.config.Patterns {
		if strings.HasPrefix(p, "-") {
			return c, fmt.Errorf("flags come before packages: %s", p)
		}
	}
	if *types != "" {
		for name := range strings.SplitSeq(*types, ",") {
			c.config.Types = append(c.config.Types, strings.TrimSpace(name))
		}
	}
	if name := c.config.Output; filepath.Base(name) != name || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
		return c, fmt.Errorf("-output %s: want the name of a .go file, without a directory and not of a test; it is written beside its package", name)
	}
	if c.check && (c.diff || c.dryRun) || c.diff && c.dryRun {
		return c, errors.New("-check, -diff and -n: choose one")
	}
	return c, nil
}

// report prints what is wrong, with paths relative to the working directory.
func report(w io.Writer, err error) {
	var ds generator.Diagnostics
	if !errors.As(err, &ds) {
		fmt.Fprintf(w, "filecleangen: %v\n", err)
		return
	}
	for _, d := range ds {
		d.Pos.Filename = relative(d.Pos.Filename)
		fmt.Fprintln(w, d)
	}
	errs := "errors"
	if len(ds) == 1 {
		errs = "error"
	}
	fmt.Fprintf(w, "filecleangen: %d %s, nothing was written\n", len(ds), errs)
}

// relative returns a path as seen from the working directory, if it is below.
func relative(path string) string {
	wd, err := os.Getwd()
	if err != nil || path == "" {
		return path
	}
	if rel, err := filepath.Rel(wd, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// buildVersion returns the version of the module that the command was built
// from.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown)"
	}
	return info.Main.Version
}
