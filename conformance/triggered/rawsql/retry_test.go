package rawsql_test

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/suite"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

// InTx runs a transaction, and again where the database refused it because of another one.
func (s store) InTx(ctx context.Context, do func(tx *sql.Tx) error) error {
	for tries := 1; ; tries++ {
		err := s.once(ctx, do)
		var refused interface{ SQLState() string }
		if tries == 5 || !errors.As(err, &refused) || refused.SQLState() != "40P01" && refused.SQLState() != "40001" {
			return err
		}
	}
}

func (s store) once(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Two transactions that name the same files in opposite order are a deadlock, which the
// database ends.
func TestDeadlock(t *testing.T) {
	suite.RunWith(t, func(w *suite.World, box *outbox.Outbox) {
		s := store{w.DB, box}
		_, discard, err := suite.Upload(t.Context(), box, []string{"p", "q"})
		w.Must(err)
		defer discard()
		for _, statement := range []string{
			"INSERT INTO article (id, title, img_path) VALUES (1, '', 'p'), (2, '', 'q')",
			"INSERT INTO article (id, title, img_path) VALUES (3, '', ''), (4, '', ''), (5, '', ''), (6, '', '')",
		} {
			_, err := w.DB.ExecContext(t.Context(), statement)
			w.Must(err)
		}
		var runs atomic.Int64
		both := [2]chan bool{make(chan bool, 10), make(chan bool, 10)}
		name := func(me int, first, second string, id int) error {
			return s.InTx(t.Context(), func(tx *sql.Tx) error {
				runs.Add(1)
				if _, err := tx.ExecContext(t.Context(), "UPDATE article SET img_path = $1 WHERE id = $2", first, id); err != nil {
					return err
				}
				both[me] <- true
				if n := runs.Load(); n <= 2 {
					<-both[1-me]
				}
				_, err := tx.ExecContext(t.Context(), "UPDATE article SET img_path = $1 WHERE id = $2", second, id+1)
				return err
			})
		}
		done := make(chan error, 1)
		go func() { done <- name(0, "p", "q", 3) }()
		w.Must(name(1, "q", "p", 5))
		w.Must(<-done)
		if runs.Load() < 3 {
			t.Errorf("nobody was refused: %d runs", runs.Load())
		}
	}, references.PostgreSQL)
}
