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
	cfg, version, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage())
		return done
	case err != nil:
		fmt.Fprintf(stderr, "filecleangen: %v\nRun filecleangen -h for the manual.\n", err)
		return wrongCall
	case version:
		fmt.Fprintln(stdout, "filecleangen", buildVersion())
		return done
	}
	if err := generate(cfg); err != nil {
		report(stderr, err)
		return wrongInput
	}
	return done
}

// parse reads the command line.
func parse(args []string) (cfg generator.Config, version bool, err error) {
	flags := flag.NewFlagSet("filecleangen", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	types := flags.String("type", "", "")
	flags.StringVar(&cfg.Output, "output", generator.DefaultOutput, "")
	flags.StringVar(&cfg.Tags, "tags", "", "")
	flags.BoolVar(&version, "version", false, "")
	if err := flags.Parse(args); err != nil {
		return cfg, false, err
	}
	cfg.Patterns = flags.Args()
	for _, p := range cfg.Patterns {
		if strings.HasPrefix(p, "-") {
			return cfg, false, fmt.Errorf("flags come before packages: %s", p)
		}
	}
	if *types != "" {
		for name := range strings.SplitSeq(*types, ",") {
			cfg.Types = append(cfg.Types, strings.TrimSpace(name))
		}
	}
	if name := cfg.Output; filepath.Base(name) != name || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
		return cfg, false, fmt.Errorf("-output %s: want the name of a .go file, without a directory and not of a test; it is written beside its package", name)
	}
	return cfg, version, nil
}

// generate renders everything, then writes.
func generate(cfg generator.Config) error {
	files, err := generator.Generate(context.Background(), cfg)
	if err != nil {
		return err
	}
	for _, f := range files {
		if _, err := f.Write(); err != nil {
			return err
		}
	}
	return nil
}

// report prints what is wrong, with paths relative to the working directory.
func report(w io.Writer, err error) {
	var ds generator.Diagnostics
	if !errors.As(err, &ds) {
		fmt.Fprintf(w, "filecleangen: %v\n", err)
		return
	}
	wd, _ := os.Getwd() // without it, paths stay absolute
	for _, d := range ds {
		if rel, err := filepath.Rel(wd, d.Pos.Filename); err == nil && d.Pos.Filename != "" && filepath.IsLocal(rel) {
			d.Pos.Filename = rel
		}
		fmt.Fprintln(w, d)
	}
	errs := "errors"
	if len(ds) == 1 {
		errs = "error"
	}
	fmt.Fprintf(w, "filecleangen: %d %s, nothing was written\n", len(ds), errs)
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
