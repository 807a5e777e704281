package rawsql_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/suite"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

// Migration writes the statements that make the triggers into a file, for a migration tool.
func (s store) Migration(ctx context.Context, file string) error {
	text, err := s.box.Triggers(ctx)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o644)
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
		file := filepath.Join(w.T.TempDir(), "triggers.sql")
		w.Must(s.Migration(ctx, file))
		w.Must(box.RemoveTriggers(ctx))
		faults, err := s.Faults(ctx)
		w.Must(err)
		if len(faults) == 0 || !strings.Contains(faults[0], "is missing") {
			w.T.Errorf("%q", faults)
		}
		text, err := os.ReadFile(file)
		w.Must(err)
		_, err = w.DB.ExecContext(ctx, string(text))
		w.Must(err)
		faults, err = s.Faults(ctx)
		w.Must(err)
		if len(faults) > 0 {
			w.T.Errorf("%q", faults)
		}
	}, references.SQLite, references.PostgreSQL)
}
