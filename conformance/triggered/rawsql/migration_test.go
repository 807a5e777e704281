package rawsql_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/suite"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

// Migration writes the statements that make the triggers, and those that remove them, into
// files for a migration tool.
func (s store) Migration(ctx context.Context, folder string) error {
	up, down, err := s.box.Triggers(ctx)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(folder, "triggers.up.sql"), []byte(up), 0o644),
		os.WriteFile(filepath.Join(folder, "triggers.down.sql"), []byte(down), 0o644),
	)
}

// Faults returns what is wrong with the triggers of a database: nothing where a file that
// Migration has written was run.
func (s store) Faults(ctx context.Context) (all []string, err error) {
	faults, err := s.box.CheckTriggers(ctx)
	for _, f := range faults {
		all = append(all, f.String())
	}
	return all, err
}

func TestMigration(t *testing.T) {
	suite.RunWith(t, func(w *suite.World, box *outbox.Outbox) {
		ctx, s := w.T.Context(), store{w.DB, box}
		folder := w.T.TempDir()
		w.Must(s.Migration(ctx, folder))
		for _, file := range []string{"triggers.down.sql", "triggers.up.sql"} {
			text, err := os.ReadFile(filepath.Join(folder, file))
			w.Must(err)
			_, err = w.DB.ExecContext(ctx, string(text))
			w.Must(err)
			faults, err := s.Faults(ctx)
			w.Must(err)
			if down := strings.Contains(file, "down"); down != (len(faults) > 0) || down && !strings.Contains(faults[0], "is missing") {
				w.T.Errorf("%s: %q", file, faults)
			}
		}
	}, references.SQLite, references.PostgreSQL)
}
