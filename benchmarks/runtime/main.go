// Command runtime measures what runtime, references, outbox and gormclean cost, each job
// interleaved with its baseline:
//
//	go run . -rounds 11                 # all parts
//	go run . -rounds 11 -part delete -files 20000 -on /dev/shm
package main

import (
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// job is one thing that is measured.
type job struct {
	name  string
	setUp func() error                  // not measured; or nil
	run   func() (time.Duration, error) // what it took
	took  []time.Duration
}

// measure runs every job in every round, in random order, so that whatever else
// the machine does falls on all of them. A round before the first is not
// counted.
func measure(jobs []*job, rounds int) error {
	for round := range rounds + 1 {
		for _, i := range rand.Perm(len(jobs)) {
			j := jobs[i]
			if j.setUp != nil {
				if err := j.setUp(); err != nil {
					return fmt.Errorf("%s: %w", j.name, err)
				}
			}
			d, err := j.run()
			if err != nil {
				return fmt.Errorf("%s: %w", j.name, err)
			}
			if round > 0 {
				j.took = append(j.took, d)
			}
		}
	}
	return nil
}

// median returns the middle of a job's durations.
func (j *job) median() time.Duration {
	sorted := slices.Sorted(slices.Values(j.took))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}

// table prints jobs in Markdown, each as so many units of work, against the
// first.
func table(title, unit string, per int, jobs []*job) {
	fmt.Printf("\n| %s | %s: median (min–max) | × %s |\n|---|---|---|\n", title, unit, jobs[0].name)
	for _, j := range jobs {
		fmt.Printf("| %s | %s | %.2f |\n", j.name, j.micros(per), j.times(jobs[0]))
	}
}

// micros tells the median, and the least and the most, in microseconds for each of
// so many units of work.
func (j *job) micros(per int) string {
	in := func(d time.Duration) string {
		us := float64(d) / float64(per) / float64(time.Microsecond)
		if us < 10 {
			return fmt.Sprintf("%.2f", us)
		}
		return fmt.Sprintf("%.0f", us)
	}
	return fmt.Sprintf("%s (%s–%s)", in(j.median()), in(slices.Min(j.took)), in(slices.Max(j.took)))
}

// times is how much longer a job takes than another.
func (j *job) times(other *job) float64 { return float64(j.median()) / float64(other.median()) }

func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 11, "how often each job is run")
	part := flag.String("part", "", "hooks, memory, many, update, delete, flush, large, gone, idle, contention, drain, gorm, ask, writes, triggers or sweep; all by default")
	files := flag.Int("files", 20_000, "how many files are deleted, or swept")
	refs := flag.Int("refs", 300_000, "how many files a large batch has")
	rows := flag.Int("rows", 1_000_000, "how many rows are asked")
	flag.StringVar(&only, "in", "", "the kind of database to measure in: SQLite, PostgreSQL or MySQL; all by default")
	changed := flag.Int("changed", 100_000, "how many rows one statement changes")
	on := flag.String("on", "", "the directory to make files in; the default one for temporary files by default")
	var workers []int
	flag.Func("workers", "how many workers a batch has; may be repeated; 8 by default", func(s string) error {
		n, err := strconv.Atoi(s)
		workers = append(workers, n)
		return err
	})
	flag.Parse()
	if workers == nil {
		workers = []int{8}
	}
	for _, p := range []struct {
		name string
		run  func() error
	}{
		{"hooks", func() error { return hooks(*rounds) }},
		{"memory", memory},
		{"many", func() error { return many(*rounds) }},
		{"update", func() error { return update(*rounds, *on) }},
		{"delete", func() error { return deleting(*rounds, *files, *on, workers) }},
		{"flush", func() error { return flush(*rounds, *on) }},
		{"large", func() error { return large(*rounds, *refs, *on) }},
		{"gone", func() error { return gone(200, *on) }},
		{"idle", func() error { return idle(*rounds, *on) }},
		{"contention", func() error { return contention(4000, *on) }},
		{"drain", func() error { return drain(*rounds, *files, *on) }},
		{"gorm", func() error { return statements(*rounds, *on) }},
		{"ask", func() error { return ask(*rounds, *rows, *on) }},
		{"triggers", func() error { return triggers(*rounds, *changed, *on) }},
		{"sweep", func() error { return sweeping(*rounds, *files, *on) }},
		{"writes", func() error { return writes(*rounds, *rows, *on) }},
	} {
		if *part == "" || *part == p.name {
			if err := p.run(); err != nil {
				log.Fatalf("%s: %v", p.name, err)
			}
		}
	}
}
