// Command generator measures how long filecleangen takes beside other
// generators, the go command and a program that only parses the same files. It
// writes synthetic modules into a temporary directory, runs every job in every
// round, in random order, and prints tables in Markdown.
//
//	go run . [-rounds 10] [-cold-rounds 3] [-only small,many,heavy,packages,linked,repository]
//
// It is run in its own directory.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	job := flag.String("job", "", "for itself: be a process that does `nothing` or parses")
	rounds := flag.Int("rounds", 10, "how often each job runs with a warm build cache")
	coldRounds := flag.Int("cold-rounds", 3, "how often each job runs with an empty build cache; those under a second run 10 times")
	only := flag.String("only", "", "the modules to measure, with commas; all, if empty")
	flag.Parse()

	var err error
	switch *job {
	case "nothing":
	case "parse":
		err = parseAll(flag.Arg(0))
	case "":
		err = run(*rounds, *coldRounds, *only)
	default:
		err = errors.New("-job: want nothing or parse")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "generator:", err)
		os.Exit(1)
	}
}

func run(rounds, coldRounds int, only string) (err error) {
	dir, err := os.MkdirTemp("", "filecleangen-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	tools, err := buildTools(dir)
	if err != nil {
		return err
	}
	for _, m := range modules {
		if only != "" && !strings.Contains(","+only+",", ","+m.name+",") {
			continue
		}
		root := filepath.Join(dir, m.name)
		if err := m.write(root); err != nil {
			return fmt.Errorf("module %s: %w", m.name, err)
		}
		results, err := measure(jobsFor(m, tools, root), rounds, coldRounds)
		if err != nil {
			return fmt.Errorf("module %s: %w", m.name, err)
		}
		fmt.Printf("### %s: %s\n\n%s\n", m.name, m.what, table(results))
	}
	return nil
}
