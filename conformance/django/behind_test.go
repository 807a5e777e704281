package django_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/django/models"
	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// Where records, or the log of a batch, don't say what the rows say. In memory the rows
// are asked: no file goes that one names, whatever the program believes. What a row does
// not name may be left behind.

// wantKept checks that a report says why it keeps a file.
func (w *world) wantKept(report *runtime.Report, name string, why runtime.Cause) {
	w.t.Helper()
	if got, _ := report.Of(runtime.Ref{Storage: "media", Name: name}); got.Status != runtime.Kept || got.Cause != why {
		w.t.Errorf("%s: %v, want %s", name, got, why)
	}
}

// wantNamed checks that all files that rows name are there, and that one names this.
func (w *world) wantNamed(name string) {
	w.t.Helper()
	disk, named := w.onDisk(), w.named()
	for name := range named {
		if !disk[name] {
			w.t.Errorf("LOST: %s", name)
		}
	}
	if !named[name] {
		w.t.Errorf("no row names %s, but %v", name, named)
	}
}

// An UPDATE that does not write the columns of files, by a record that was made of a
// request: it says that the row names nothing.
func TestPatch(t *testing.T) {
	for name, statement := range map[string]string{
		"without the column": "UPDATE record SET title = ? WHERE id = 1",
		"COALESCE":           "UPDATE record SET title = ?, image = COALESCE(NULL, image), other = COALESCE(NULL, other) WHERE id = 1",
	} {
		t.Run(name, func(t *testing.T) {
			databases.Each(t, func(t *testing.T, d references.Dialect) {
				w := newWorldOn(t, d, "p q")
				w.commit(func(tx *transaction) { tx.insert(&models.Record{ID: 1, Image: image("p"), Other: "q"}) })
				report := w.commit(func(tx *transaction) {
					_, old := tx.load(1)
					r := &models.Record{ID: 1, Title: "new"}
					tx.write(func(b *runtime.Batch) { r.BeforeUpdate(b, old) }, statement, r.Title)
				})
				w.wantKept(report, "p", runtime.StillInUse)
				w.wantKept(report, "q", runtime.StillInUse)
				w.want("p q")
				removeRecord(w)
				w.want("")
			})
		})
	}
}

func TestSharedFile(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorldOn(t, d, "p n")
		w.create("p")
		w.commit(func(tx *transaction) { tx.insert(&models.Record{ID: 2, Other: "p"}) })
		report := change(w, func(r *models.Record) { r.Image = image("n") })
		w.wantKept(report, "p", runtime.StillInUse)
		w.want("n p")
		w.commit(func(tx *transaction) { tx.remove(tx.load(2)) })
		w.want("n")
	})
}

// The snapshot is of an earlier transaction. Another program has moved the file since.
func TestStaleSnapshot(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorldOn(t, d, "p q n")
		w.create("p")
		var r *models.Record
		var old models.RecordFiles
		w.commit(func(tx *transaction) { r, old = tx.load(1) })
		w.exec(w.db, "UPDATE record SET image = 'q' WHERE id = 1")
		w.exec(w.db, "INSERT INTO record (id, image) VALUES (2, 'p')")
		r.Image = image("n")
		report := w.commit(func(tx *transaction) { tx.update(r, old) })
		w.wantKept(report, "p", runtime.StillInUse)
		w.wantNamed("p")
		w.want("n p q") // nobody let go of q
	})
}

// rolledBackAfter replaces the file of record 1 by an upload in a transaction that the
// program rolls back, after it has done something else in it.
func (w *world) rolledBackAfter(do func(tx *transaction)) {
	w.t.Helper()
	up := w.upload("n")
	w.rollback(func(tx *transaction) {
		r, old := tx.load(1)
		r.Image = image(up.Name())
		tx.update(r, old)
		do(tx)
	})
	up.Discard()
}

// MySQL commits before it makes a table: what is rolled back after it has happened.
func TestImplicitCommit(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := newWorldOn(t, d, "p")
		w.create("p")
		w.rolledBackAfter(func(tx *transaction) { w.exec(tx, "CREATE TABLE another (id int)") })
		w.wantNamed("n")
		w.rolledBackAfter(func(*transaction) {})
		w.want("n p")
	}, references.MySQL)
}

// MyISAM does not roll back.
func TestMyISAM(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := newWorldOn(t, d, "p")
		w.exec(w.db, "ALTER TABLE record ENGINE = MyISAM")
		w.create("p")
		w.rolledBackAfter(func(*transaction) {})
		w.wantNamed("n")
		w.want("n p")
	}, references.MySQL)
}

// SQLite rolls back the whole transaction on a conflict, if the statement says so. The
// program overlooks it, and goes on to commit.
func TestInsertOrRollback(t *testing.T) {
	for name, again := range map[string]bool{"COMMIT fails": false, "another transaction is begun": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorldOn(t, references.SQLite, "p")
			w.create("p")
			tx := w.begin()
			r, old := tx.load(1)
			r.Image = image("")
			tx.update(r, old)
			if _, err := tx.ExecContext(t.Context(), "INSERT OR ROLLBACK INTO record (id) VALUES (1)"); err == nil {
				t.Error("inserted twice")
			}
			if again {
				w.exec(tx, "BEGIN IMMEDIATE")
			}
			report, err := w.clean.Commit(t.Context(), tx.Batch, tx.Tx, tx.Commit)
			if (err == nil) != again {
				t.Errorf("%v", err)
			}
			w.wantKept(report, "p", map[bool]runtime.Cause{false: runtime.UnknownOutcome, true: runtime.StillInUse}[again])
			w.wantNamed("p")
		})
	}
}

// MySQL rolls back the whole transaction at a deadlock, and reports success for the COMMIT
// of a program that overlooks it.
func TestDeadlock(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := newWorldOn(t, d, "p q")
		w.create("p")
		w.commit(func(tx *transaction) { tx.insert(&models.Record{ID: 2, Image: image("q")}) })
		up := w.upload("n")
		locked, let, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() { done <- w.lockTwoThenOne(locked, let) }()
		<-locked
		report := w.commit(func(tx *transaction) {
			r, old := tx.load(1)
			r.Image = image(up.Name())
			tx.update(r, old)
			close(let)
			if _, err := tx.ExecContext(t.Context(), "UPDATE record SET title = 'y' WHERE id = 2"); err == nil || !strings.Contains(err.Error(), "1213") {
				t.Errorf("no deadlock: %v", err)
			}
		})
		up.Discard()
		w.must(<-done)
		w.wantKept(report, "p", runtime.StillInUse)
		w.wantNamed("p")
	}, references.MySQL)
}

// lockTwoThenOne writes record 2, then record 1 when it may, in a transaction that writes
// much more: at a deadlock, the one that has written less is rolled back.
func (w *world) lockTwoThenOne(locked, let chan struct{}) error {
	ctx := context.Background()
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		close(locked)
		return err
	}
	defer tx.Rollback()
	for id := range 50 {
		_, failed := tx.ExecContext(ctx, "INSERT INTO record (id) VALUES (?)", 100+id)
		err = errors.Join(err, failed)
	}
	_, failed := tx.ExecContext(ctx, "UPDATE record SET title = 'x' WHERE id = 2")
	close(locked)
	<-let
	_, last := tx.ExecContext(ctx, "UPDATE record SET title = 'x' WHERE id = 1")
	return errors.Join(err, failed, last, tx.Commit())
}

// When the commit fails nobody knows what the database did: nothing is deleted, then and
// later, and the report says so.
func TestUnknownOutcome(t *testing.T) {
	lost := errors.New("connection lost")
	for name, commits := range map[string]bool{"committed": true, "rolled back": false} {
		t.Run(name, func(t *testing.T) {
			databases.Each(t, func(t *testing.T, d references.Dialect) {
				var told []runtime.Result
				w := newWorldOn(t, d, "p", runtime.WithObserver(runtime.Observer{
					After: func(_ context.Context, r runtime.Result) { told = append(told, r) },
				}))
				w.create("p")
				up := w.upload("n")
				tx := w.begin()
				r, old := tx.load(1)
				r.Image = image(up.Name())
				tx.update(r, old)
				report, err := w.clean.Commit(t.Context(), tx.Batch, tx.Tx, func() error {
					if commits {
						w.must(tx.Commit())
					} else {
						w.must(tx.Tx.Rollback())
					}
					return lost
				})
				if !errors.Is(err, lost) || report.Outcome != runtime.Unknown || !errors.Is(report.Err, lost) {
					t.Errorf("%v, %v", report, err)
				}
				w.wantKept(report, "p", runtime.UnknownOutcome)
				tx.Batch.Rollback() // too late
				up.Discard()
				if last := told[len(told)-1]; last.Ref.Name != "n" || last.Status != runtime.Kept || last.Cause != runtime.InDoubt {
					t.Errorf("told %v", told)
				}
				w.want("n p")

				report = removeRecord(w)
				if commits {
					w.wantKept(report, "n", runtime.InDoubt)
					w.want("n p")
				} else {
					w.want("n") // p is what the row named, for sure
				}
			})
		})
	}
}

// Whether a name is free for an upload is looked at beside what others do with the file
// that has it: they don't take it for the upload.
func TestNameThatIsTried(t *testing.T) {
	for name, do := range map[string]func(w *world){
		"named":     func(w *world) { change(w, func(r *models.Record) { r.Title = "new" }) },
		"let go of": func(w *world) { removeRecord(w) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "p")
			w.create("p")
			w.spy.looked = func() {
				w.spy.looked = nil
				do(w)
			}
			up := w.upload("p")
			if up.Name() == "p" {
				t.Error("the upload has got the name")
			}
			up.Discard()
			w.want(map[string]string{"named": "p"}[name])
		})
	}
}
