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
	"slices"
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
	debug.SetGCPercent(400) // it ends in milliseconds; a large module still fits in little memory
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
	result, err := generator.Generate(context.Background(), c.config)
	if err != nil {
		report(stderr, err)
		return wrongInput
	}
	if c.list {
		return list(result.Packages, c.json, stdout, stderr)
	}
	remark(stderr, "warning: ", result.Warnings)
	if c.verbose {
		remark(stderr, "", result.Notes)
	}
	return c.finish(result.Files, stdout, stderr)
}

// call is a parsed command line.
type call struct {
	config              generator.Config
	version             bool
	check, diff, dryRun bool // instead of writing; at most one
	list, json          bool // the same
	verbose             bool
}

// parse reads the command line.
func parse(args []string) (c call, err error) {
	flags := flag.NewFlagSet("filecleangen", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	types := flags.String("type", "", "")
	flags.StringVar(&c.config.Output, "output", "", "")
	flags.StringVar(&c.config.Snapshot, "snapshot", "", "")
	flags.BoolVar(&c.config.Select, "select", false, "")
	hooks := flags.String("hooks", "", "")
	tags := flags.String("tags", "", "")
	flags.BoolVar(&c.list, "list", false, "")
	flags.BoolVar(&c.json, "json", false, "")
	flags.BoolVar(&c.check, "check", false, "")
	flags.BoolVar(&c.diff, "diff", false, "")
	flags.BoolVar(&c.dryRun, "n", false, "")
	flags.BoolVar(&c.verbose, "v", false, "")
	flags.BoolVar(&c.version, "version", false, "")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	c.config.Patterns = flags.Args()
	c.config.Types, c.config.Tags, c.config.Hooks = commas(*types), commas(*tags), generator.Hooks(*hooks)
	return c, c.valid()
}

// commas splits a list.
func commas(list string) (words []string) {
	for word := range strings.SplitSeq(list, ",") {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	return words
}

// valid returns what is wrong with the command line, before anything slow is
// done.
func (c call) valid() error {
	for _, p := range c.config.Patterns {
		if strings.HasPrefix(p, "-") {
			return fmt.Errorf("flags come before packages: %s", p)
		}
	}
	if name := c.config.Output; name != "" {
		if err := generator.CheckOutput(name); err != nil {
			return fmt.Errorf("-output %s: %w", name, err)
		}
	}
	if c.config.Hooks != "" && !slices.Contains(generator.AllHooks, c.config.Hooks) {
		return fmt.Errorf("-hooks %s: want one of %v", c.config.Hooks, generator.AllHooks)
	}
	if name := c.config.Snapshot; name != "" {
		if err := generator.CheckSnapshot(name, len(c.config.Types) == 1); err != nil {
			return fmt.Errorf("-snapshot %s: %w", name, err)
		}
	}
	chosen := 0
	for _, mode := range []bool{c.check, c.diff, c.dryRun, c.list} {
		if mode {
			chosen++
		}
	}
	if chosen > 1 {
		return errors.New("-check, -diff, -list and -n: choose one")
	}
	if c.json && !c.list {
		return errors.New("-json says how -list prints; give both")
	}
	return nil
}

// remark prints what is no error.
func remark(w io.Writer, what string, ds generator.Diagnostics) {
	for _, d := range ds {
		d.Pos.Filename = relative(d.Pos.Filename)
		d.Message = what + d.Message
		fmt.Fprintln(w, d)
	}
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
