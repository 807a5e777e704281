package sweep

import (
	"context"
	"fmt"
	"time"

	"github.com/filecleangen/filecleangen/storage"
)

// planLife is how old a plan may be when it is applied.
const planLife = 24 * time.Hour

// Applied says what became of the orphans in a plan.
type Applied struct {
	Run      string         `json:"run"`      // for [Sweeper.Undo]
	Released int64          `json:"released"` // in the outbox, for relays to delete
	Kept     map[Kept]int64 `json:"kept,omitempty"`
	Missing  int64          `json:"missing"` // that are gone meanwhile
}

// Changed is why a file of a plan is kept that has another size or time than it had.
const Changed Kept = "changed"

// Apply releases the orphans in a plan, in the outbox, after it has looked at each once
// more: relays delete them then, unless a row names them when they ask. The plan must not
// be older than a day, or have refusals, and must be of the same environment, database and
// columns as there are now.
//
// It can be stopped at any time, and called again with the same plan.
func (s *Sweeper) Apply(ctx context.Context, plan string) (*Applied, error) {
	applied, err := s.apply(ctx, plan)
	if err != nil {
		err = fmt.Errorf("filecleangen: sweep: applying %s: %w", plan, err)
	}
	return applied, err
}

func (s *Sweeper) apply(ctx context.Context, path string) (*Applied, error) {
	h, report, err := readPlan(path)
	if err != nil {
		return nil, err
	}
	if err := refusal(report.Refused); err != nil {
		return nil, err
	}
	files, err := s.storage(h.Storage)
	if err != nil {
		return nil, err
	}
	c := &scan{Sweeper: s, name: h.Storage, files: files, roots: roots{files: files}, report: report}
	if err := c.same(ctx, h); err != nil {
		return nil, err
	}
	applied := &Applied{Run: h.Run, Kept: map[Kept]int64{}}
	var again header
	var some []line
	for l, err := range lines(path, &again) {
		if err != nil {
			return applied, err
		}
		if l.Kind != isOrphan && l.Kind != isReport {
			continue
		}
		if l.Kind == isOrphan {
			some = append(some, l)
		}
		if len(some) < atOnce && l.Kind != isReport {
			continue
		}
		if err := c.release(ctx, h, some, applied); err != nil {
			return applied, err
		}
		some = some[:0]
	}
	return applied, nil
}

// same makes sure that a plan is for what there is now.
func (s *scan) same(ctx context.Context, h header) error {
	now, id, err := s.box.Clock(ctx)
	if err != nil {
		return err
	}
	columns, err := s.fingerprint(ctx)
	switch {
	case err != nil:
		return err
	case h.Environment != s.environment:
		return fmt.Errorf("the plan was made for the environment %q, and this is %q", h.Environment, s.environment)
	case h.Outbox != id:
		return fmt.Errorf("the plan was made for another database: its outbox had the id %s, and this one has %s", h.Outbox, id)
	case h.Columns != columns:
		return fmt.Errorf("other columns name files of storage %q than when the plan was made: scan again", s.name)
	}
	for _, at := range []time.Time{s.now(), now} {
		if age := at.Sub(h.Started); age > planLife || age < -planLife {
			return fmt.Errorf("the plan was made at %s, which is more than %v from now: scan again", h.Started.UTC().Format(time.RFC3339), planLife)
		}
	}
	return nil
}

// release looks at some files once more, and releases those that are orphans still.
func (s *scan) release(ctx context.Context, h header, some []line, applied *Applied) error {
	was := make(map[string]line, len(some))
	files := make([]storage.File, len(some))
	for i, l := range some {
		was[l.Name], files[i] = l, storage.File{Name: l.Name}
	}
	cutoff := h.Cutoff
	if floor := s.now().Add(-max(s.minAge, s.box.UploadTime())); floor.Before(cutoff) {
		cutoff = floor
	}
	judged, err := s.judge(ctx, files, cutoff)
	if err != nil {
		return err
	}
	applied.Missing += int64(len(some) - len(judged))
	var names []string
	for i := range judged {
		c := &judged[i]
		if l := was[c.Name]; c.kept == "" && (c.Info.Size() != l.Size || !c.Info.ModTime().Equal(l.Modified)) {
			c.kept = Changed
		}
		if c.kept != "" {
			applied.Kept[c.kept]++
			continue
		}
		names = append(names, c.Name)
	}
	if len(names) == 0 {
		return nil
	}
	if _, err := s.storage(s.name); err != nil { // it may have another marker by now
		return err
	}
	if err := s.box.ReleaseOrphans(ctx, s.name, names, h.Run); err != nil {
		return err
	}
	applied.Released += int64(len(names))
	return nil
}

// Undo takes back what a run has released and no relay has deleted yet, and returns how
// many files that were.
func (s *Sweeper) Undo(ctx context.Context, storage, run string) (int64, error) {
	n, err := s.box.KeepOrphans(ctx, storage, run)
	if err != nil {
		return 0, fmt.Errorf("filecleangen: sweep: taking back %s: %w", run, err)
	}
	return n, nil
}
