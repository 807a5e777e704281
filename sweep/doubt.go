package sweep

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/filecleangen/filecleangen/storage"
)

// Where more speaks against what a scan found than for it: shares are one of so many.
const (
	mostDangling = 10
	mostOrphans  = 10_000
	fewOrphans   = 10
	share        = 20
)

// doubt refuses where something speaks against what was found.
func (s *scan) doubt(ctx context.Context) error {
	r := s.report
	if n := r.Dangling; n*share > r.Rows && (n > mostDangling || n == r.Rows) {
		s.refuse(ManyDangling, n, "of %d names of rows, %d have no file: is this the storage of these rows, and do they hold the names of files?", r.Rows, n)
	}
	if n := r.Orphans; n > mostOrphans || n > fewOrphans && n*share > r.Files {
		s.refuse(ManyOrphans, n, "of %d files, %d have no row", r.Files, n)
	}
	const most = 5 * time.Minute
	if d := r.ahead; d > most {
		s.refuse(Clocks, int64(d/time.Second), "a file was written %v from now: the clock of the storage is ahead", d.Round(time.Second))
	}
	if r.Files == 0 || r.Orphans == 0 {
		return nil
	}
	for _, doubt := range []func(context.Context) error{s.doubtTables, s.doubtColumns, s.doubtTime} {
		if err := doubt(ctx); err != nil {
			return err
		}
	}
	s.doubtFields()
	return nil
}

func (s *scan) doubtTables(ctx context.Context) error {
	empty, of, err := s.references.Empty(ctx, s.name)
	if err == nil && of == 0 {
		return errors.New("no column names files of the storage")
	}
	s.refuse(EmptyTables, int64(len(empty)), "of %d tables whose rows name files, these have no rows: %s", of, strings.Join(empty, ", "))
	return err
}

func (s *scan) doubtColumns(ctx context.Context) error {
	gone, err := s.references.Gone(ctx)
	if err != nil {
		return err
	}
	var missing, others []string
	for _, g := range gone {
		if g.Storage == s.name {
			missing = append(missing, fmt.Sprintf("%s.%s (%s)", g.Table, g.Column, g.Program))
		}
	}
	all, err := s.references.Registered(ctx)
	if err != nil {
		return err
	}
	for _, g := range all {
		if g.Storage == s.name && g.Program != s.references.Program() {
			others = append(others, fmt.Sprintf("%s.%s (%s)", g.Table, g.Column, g.Program))
		}
	}
	s.refuse(GoneColumns, int64(len(missing)), "columns that programs told of are not there any more: %s; see references.Withdraw", strings.Join(missing, ", "))
	s.refuse(OtherPrograms, int64(len(others)), "which files are derived from others, or defaults, only these other programs know: %s", strings.Join(others, ", "))
	return nil
}

// fingerprint says which columns name files of the storage, as all programs told.
func (s *scan) fingerprint(ctx context.Context) (string, error) {
	all, err := s.references.Registered(ctx)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, g := range all {
		if g.Storage == s.name {
			fmt.Fprintf(h, "%q %q %q %q %q\n", g.Program, g.Table, g.Column, g.Form, g.Meaning)
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// doubtTime compares the newest orphan with the newest of some files that rows name.
func (s *scan) doubtTime(context.Context) error {
	newest := time.Time{}
	for _, name := range s.sample.names {
		info, err := storage.Lstat(s.files, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case info.ModTime().After(newest):
			newest = info.ModTime()
		}
	}
	if at := s.report.Newest; at.After(newest.Add(s.minAge)) {
		s.refuse(Restored, s.report.Orphans, "an orphan was written at %s, and none of %d files that rows name after %s: was the database restored from a backup of that time?",
			at.UTC().Format(time.RFC3339), len(s.sample.names), newest.UTC().Format(time.RFC3339))
	}
	return nil
}

func (s *scan) doubtFields() {
	var keep []string
	for _, t := range s.cleaner.Types() {
		for i := range t.Fields {
			if f := &t.Fields[i]; f.Storage == s.name && (f.Keep || f.HoldOnly) {
				keep = append(keep, t.Name+"."+f.Path)
			}
		}
	}
	s.refuse(KeepOption, int64(len(keep)), "the files of these fields are kept when no row names them any more, and can't be told from orphans: %s", strings.Join(keep, ", "))
}

// sample is some of the files that rows name, each with the same chance.
type sample struct {
	names []string
	seen  int64
}

func (s *sample) add(name string) {
	const most = 1000
	s.seen++
	if len(s.names) < most {
		s.names = append(s.names, name)
	} else if i := rand.Int64N(s.seen); i < most {
		s.names[i] = name
	}
}
