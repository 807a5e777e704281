package sweep

import (
	"context"
	"errors"
	"io/fs"

	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/storage"
)

// mostShown is for how many dangling names the plan says which rows have them, and
// rowsShown how many rows of each.
const (
	mostShown = 10_000
	rowsShown = 3
)

// judgeMissing looks a second time at names without a file, and which rows have them.
func (s *scan) judgeMissing(ctx context.Context) error {
	var first []string
	err := chunks(s.missing, func(texts []string) error {
		still, err := s.stillMissing(ctx, texts)
		if err != nil {
			return err
		}
		s.report.Dangling += int64(len(still))
		shown := min(len(still), mostShown-len(first))
		first = append(first, still[:shown]...)
		for _, name := range still[shown:] {
			if err := s.plan.write(line{Kind: isDangling, Name: name}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(first) == 0 {
		return err
	}
	rows, err := s.references.Holders(ctx, s.name, first, rowsShown)
	if err != nil {
		return err
	}
	for _, name := range first {
		if err := s.plan.write(line{Kind: isDangling, Name: name, Rows: rows[name]}); err != nil {
			return err
		}
		if len(s.report.DanglingShown) < shownInReport {
			s.report.DanglingShown = append(s.report.DanglingShown, Dangling{name, rows[name]})
		}
	}
	return nil
}

// stillMissing returns those of the names of which there is no file, and that rows have
// still.
func (s *scan) stillMissing(ctx context.Context, names []string) (still []string, err error) {
	var missing []string
	for _, name := range names {
		_, err := storage.Lstat(s.files, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, name)
		case err != nil:
			return nil, err
		}
	}
	said, err := s.ask(ctx, missing)
	for _, name := range missing {
		if _, named := said.named[name]; named {
			still = append(still, name)
		}
	}
	return still, err
}

// A Dangling is a name of which there is no file.
type Dangling struct {
	Name string              `json:"name"`
	Rows []references.Holder `json:"rows"` // up to three of those that have it
}
