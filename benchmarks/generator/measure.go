package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"time"
)

// result is what was measured of a job.
type result struct {
	job        *job
	warm, cold []time.Duration
	peak       int64 // the largest resident set, in bytes; 0 where the system doesn't tell
}

// quick is below what a job runs often also with an empty build cache.
const quick = time.Second

// measure runs every job in every round, in random order, so that whatever else
// the machine does falls on all of them.
func measure(jobs []*job, rounds, coldRounds int) ([]*result, error) {
	results := make([]*result, len(jobs))
	for i, j := range jobs {
		results[i] = &result{job: j}
		if _, err := j.run(results[i], ""); err != nil { // fills the build cache
			return nil, err
		}
	}
	for range rounds {
		for _, i := range rand.Perm(len(jobs)) {
			d, err := jobs[i].run(results[i], "")
			if err != nil {
				return nil, err
			}
			results[i].warm = append(results[i].warm, d)
		}
	}
	for round := range max(coldRounds, 10) {
		for _, i := range rand.Perm(len(jobs)) {
			if round >= coldRounds && (coldRounds == 0 || slices.Max(results[i].cold) > quick) {
				continue
			}
			d, err := jobs[i].runCold(results[i])
			if err != nil {
				return nil, err
			}
			results[i].cold = append(results[i].cold, d)
		}
	}
	return results, nil
}

// runCold runs the job with an empty build cache.
func (j *job) runCold(r *result) (d time.Duration, err error) {
	cache, err := os.MkdirTemp("", "filecleangen-bench-cache-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(cache)) }()
	return j.run(r, cache)
}

// run runs the job once and returns the time that it took.
func (j *job) run(r *result, cache string) (time.Duration, error) {
	if err := j.prepare(); err != nil {
		return 0, err
	}
	c := exec.Command(j.command[0], j.command[1:]...)
	c.Dir, c.Env = j.dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	if cache != "" {
		c.Env = append(c.Env, "GOCACHE="+cache)
	}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	start := time.Now()
	err := c.Run()
	d := time.Since(start)
	if err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", j.name, err, out.Bytes())
	}
	r.peak = max(r.peak, maxRSS(c.ProcessState))
	return d, nil
}
