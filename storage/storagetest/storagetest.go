// Package storagetest tells whether filecleangen can trust a storage: any
// implementation of afero.Fs that is to be given to runtime.WithStorage. Point it
// at the storage in a test:
//
//	func TestStorage(t *testing.T) {
//		findings := storagetest.Examine(storage)
//		t.Log(findings)
//		if err := findings.Err(); err != nil {
//			t.Fatal(err)
//		}
//	}
//
// A storage that is to be given runtime.Exclusive() is examined with [Exclusive].
//
// It writes into one directory of its own, and deletes that. Run it with -race:
// a storage is used by several goroutines at once.
package storagetest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/storage"
)

// A Verdict says what a finding means for the files in a storage.
type Verdict string

// What a finding means, the best first.
const (
	OK     Verdict = "ok"     // as it should be
	Note   Verdict = "note"   // makes no difference, as the finding says
	Leaks  Verdict = "leaks"  // files may stay behind, or not be written
	Unsafe Verdict = "unsafe" // files may be lost
)

// worse orders verdicts.
var worse = map[Verdict]int{OK: 0, Note: 1, Leaks: 2, Unsafe: 3}

// A Finding is the answer to one question.
type Finding struct {
	Check   string // what was asked, such as "Remove of a missing file"
	Verdict Verdict
	Detail  string // what happened, if that is not as it should be
}

// String returns one line.
func (f Finding) String() string {
	if f.Verdict == OK {
		return fmt.Sprintf("%-6s %s", f.Verdict, f.Check)
	}
	return fmt.Sprintf("%-6s %s: %s", f.Verdict, f.Check, f.Detail)
}

// Findings are the answers to all questions.
type Findings []Finding

// String returns one line for each finding.
func (f Findings) String() string {
	lines := make([]string, len(f))
	for i, finding := range f {
		lines[i] = finding.String()
	}
	return strings.Join(lines, "\n")
}

// Verdict returns the worst of them.
func (f Findings) Verdict() Verdict {
	worst := OK
	for _, finding := range f {
		if worse[finding.Verdict] > worse[worst] {
			worst = finding.Verdict
		}
	}
	return worst
}

// Err returns an error that names the findings which are Unsafe or Leaks, or nil
// if there are none: then the storage can be trusted.
func (f Findings) Err() error {
	var errs []error
	for _, finding := range f {
		if worse[finding.Verdict] >= worse[Leaks] {
			errs = append(errs, errors.New(finding.String()))
		}
	}
	return errors.Join(errs...)
}

// An Option tells [Examine] more of a storage than it can see by itself.
type Option func(*examination)

// Existing names a file that is in the storage already, and may be deleted. In
// layered storages such a file may behave otherwise than a new one.
func Existing(name string) Option {
	return func(e *examination) { e.existing = append(e.existing, name) }
}

// Outside names a file that is outside the storage and must not be reached by
// this name, such as "../private/key" or "link/file" where link is a symbolic
// link that leads out. The function reports whether the file is still there.
// What it can reach it deletes: use one that can go.
func Outside(name string, there func() bool) Option {
	return func(e *examination) { e.outside = append(e.outside, outside{name, there}) }
}

type outside struct {
	name  string
	there func() bool
}

// examination is a storage that is examined, in a directory of its own.
type examination struct {
	afero.Fs
	dir       string
	existing  []string
	outside   []outside
	exclusive bool // uploads rely on it to create exclusively
}

// Examine asks a storage all that filecleangen relies on. Where a file can't
// even be written and removed, it asks no more.
func Examine(files afero.Fs, options ...Option) Findings {
	e := &examination{
		Fs: files, dir: "storagetest-" + strings.ToLower(rand.Text()[:10]),
		exclusive: storage.CreatesExclusively(files),
	}
	for _, o := range options {
		o(e)
	}
	defer e.tidy()
	var findings Findings
	for _, c := range checks {
		f := Finding{Check: c.name, Verdict: OK}
		if err := c.ask(e); err != nil {
			f.Verdict, f.Detail = c.verdict, err.Error()
			if own := (*means)(nil); errors.As(err, &own) {
				f.Verdict = own.verdict
			}
		}
		findings = append(findings, f)
		if f.Verdict != OK && c.essential {
			break
		}
	}
	return findings
}

// tidy deletes what is left of the directory.
func (e *examination) tidy() {
	defer func() { _ = recover() }() // afero.MemMapFs panics where a directory was removed with files in it
	_ = e.RemoveAll(e.dir)
}
