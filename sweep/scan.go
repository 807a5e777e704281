package sweep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/internal/sorted"
	"github.com/filecleangen/filecleangen/runtime"
)

// scan is one scan of a storage.
type scan struct {
	*Sweeper

	name    string
	files   afero.Fs
	cutoff  time.Time // a file that was written later is not looked at
	report  *Report
	roots   roots
	shapes  shapes
	sample  sample
	orphans *sorted.Sorter // files that no row of the list names
	missing *sorted.Sorter // names of rows without a file in the list
	folded  folded         // these names
	plan    *planWriter
}

// Scan compares the files of a storage with the rows, and changes nothing. What it finds is
// written to a file, the plan, for [Sweeper.Apply]; the report says what that is in sum.
//
// Where something speaks against what was found, the error wraps [ErrRefused], the report
// says what it is, and the plan can't be applied. Any other error means that nothing is
// known; there is no plan then, and a file that was there before stays as it was.
func (s *Sweeper) Scan(ctx context.Context, storage, plan string) (report *Report, err error) {
	report, err = s.scan(ctx, storage, plan)
	if err != nil {
		err = fmt.Errorf("filecleangen: sweep: scanning storage %q: %w", storage, err)
	}
	return report, err
}

func (s *Sweeper) scan(ctx context.Context, name, path string) (*Report, error) {
	files, err := s.storage(name)
	if err != nil {
		return nil, err
	}
	c := &scan{Sweeper: s, name: name, files: files, roots: roots{files: files}, shapes: shapes{}, folded: newFolded(), orphans: sorted.New(inMemory), missing: sorted.New(inMemory)}
	defer func() { _, _ = c.orphans.Close(), c.missing.Close() }()
	header, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	if c.plan, err = createPlan(path, header); err != nil {
		return nil, err
	}
	defer c.plan.abandon()
	for _, step := range []func(context.Context) error{c.compare, c.judgeMissing, c.judgeOrphans, c.doubt} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	if err := c.plan.finish(c.report); err != nil {
		return nil, err
	}
	return c.report, refusal(c.report.Refused)
}

// begin fixes the time before which files were written that may be orphans: by the clock
// that is behind, of this computer's and the database's.
func (s *scan) begin(ctx context.Context) (header, error) {
	here := s.now()
	there, id, err := s.box.Clock(ctx)
	if err != nil {
		return header{}, err
	}
	if err := s.references.Prove(ctx); err != nil {
		return header{}, err
	}
	earlier := here
	if there.Before(here) {
		earlier = there
	}
	s.cutoff = earlier.Add(-max(s.minAge, s.box.UploadTime()))
	s.report = &Report{Storage: s.name, Environment: s.environment, Started: here, Cutoff: s.cutoff, From: s.from, To: s.to, Kept: map[Kept]int64{}, Foreign: map[string]Group{}}
	const most = 5 * time.Minute
	if d := here.Sub(there).Abs(); d > most {
		s.refuse(Clocks, int64(d/time.Second), "the clocks of this computer and of the database differ by %v", d.Round(time.Second))
	}
	columns, err := s.fingerprint(ctx)
	return header{Version: planVersion, Storage: s.name, Environment: s.environment, Outbox: id, Columns: columns, Run: newRun(here), Started: here, Cutoff: s.cutoff}, err
}

// compare goes through the files and the rows, side by side: the files are listed first.
func (s *scan) compare(ctx context.Context) error {
	files, err := list(ctx, s.files, s.from, s.to)
	if err != nil {
		return err
	}
	defer func() { _ = files.Close() }()
	s.report.Files = files.files
	next, stop := pull(files.all())
	defer stop()
	file, more, err := next()
	last := ""
	for row, rowErr := range s.rows(ctx) {
		if err := errors.Join(rowErr, err); err != nil {
			return err
		}
		if row.name < last {
			return fmt.Errorf("the names of rows are not in order: %q comes behind %q", row.name, last)
		}
		last = row.name
		for more && file.Name < row.name {
			if err := s.orphans.Add(packed(file)); err != nil {
				return err
			}
			if file, more, err = next(); err != nil {
				return err
			}
		}
		is := more && file.Name == row.name
		if err := s.row(row, is); err != nil {
			return err
		}
		if is {
			file, more, err = next()
		}
	}
	for ; more && err == nil; file, more, err = next() {
		if err := s.orphans.Add(packed(file)); err != nil {
			return err
		}
	}
	return err
}

// row takes note of a name of a row, and whether there is a file.
func (s *scan) row(row rowName, is bool) error {
	if !row.derived {
		s.report.Rows++
		s.shapes.add(row.name)
	} else if is {
		s.shapes.add(row.name)
	}
	switch {
	case is:
		s.report.Named++
		s.sample.add(row.name)
	case !row.derived:
		s.folded.add(row.name)
		return s.missing.Add(row.name)
	}
	return nil
}

// answer is what rows say of names.
type answer struct {
	named   map[string]struct{}
	unknown map[string]error
}

// ask asks the rows for just these names, as relays do.
func (s *scan) ask(ctx context.Context, names []string) (answer, error) {
	a := answer{map[string]struct{}{}, map[string]error{}}
	if len(names) == 0 {
		return a, nil
	}
	refs := make([]runtime.Ref, len(names))
	for i, name := range names {
		refs[i] = runtime.Ref{Storage: s.name, Name: name}
	}
	said, err := s.references.Ask(ctx, refs)
	for _, ref := range said.Named {
		a.named[ref.Name] = struct{}{}
	}
	for ref, err := range said.Unknown {
		a.unknown[ref.Name] = err
	}
	return a, err
}
