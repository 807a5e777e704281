package django_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/django/models"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

func TestE1AnotherColumnFirst(t *testing.T) {
	w := newWorld(t, "a b")
	w.create("a")
	w.commit(func(tx *transaction) {
		r, old := tx.load(1)
		r.Title, r.Image = "new", image("b")
		written := *r // what the statement writes: columns that it leaves out are as they were
		written.Image = image(old.Image)
		tx.write(func(b *runtime.Batch) { written.BeforeUpdate(b, old) }, "UPDATE record SET title = ? WHERE id = ?", r.Title, r.ID)
		tx.update(r, old)
	})
	w.want("b")
}

func TestE2NameOfAnotherRowUnsaved(t *testing.T) {
	w := newWorld(t, "a b")
	w.create("a")
	w.commit(func(tx *transaction) { tx.insert(&models.Record{ID: 2, Image: image("b")}) })
	w.commit(func(tx *transaction) {
		r, old := tx.load(1)
		r.Image = image("b")
		tx.remove(r, old)
	})
	w.want("b")
}

func TestE3RolledBackThenAnother(t *testing.T) {
	w := newWorld(t, "a")
	w.create("a")
	up := w.upload("b")
	w.rollback(func(tx *transaction) {
		r, old := tx.load(1)
		r.Image = image(up.Name())
		tx.update(r, old)
	})
	up.Discard()
	w.want("a")
	up = w.upload("c")
	change(w, func(r *models.Record) { r.Image = image(up.Name()) })
	up.Discard()
	w.want("c")
}

func TestE4Swap(t *testing.T) {
	w := newWorld(t, "a b")
	w.commit(func(tx *transaction) { tx.insert(&models.Record{ID: 1, Image: image("a"), Other: "b"}) })
	change(w, func(r *models.Record) { r.Image, r.Other = image(r.Other), r.Image.String })
	w.want("a b")
}

func TestE5HandedOver(t *testing.T) {
	w := newWorld(t, "p")
	w.create("p")
	w.commit(func(tx *transaction) { tx.insert(&models.Record{ID: 2}) })
	w.commit(func(tx *transaction) {
		p, oldP := tx.load(1)
		q, oldQ := tx.load(2)
		q.Image = p.Image
		tx.update(q, oldQ)
		tx.remove(p, oldP)
	})
	w.want("p")
}

func TestE6CopiedRow(t *testing.T) {
	w := newWorld(t, "p")
	w.create("p")
	w.exec(w.db, "INSERT INTO record (id, image) SELECT 2, image FROM record")
	removeRecord(w)
	w.want("p")
	w.commit(func(tx *transaction) { tx.remove(tx.load(2)) })
	w.want("")
}

func TestE7Savepoint(t *testing.T) {
	w := newWorld(t, "p n")
	w.create("p")
	w.commit(func(tx *transaction) {
		r, old := tx.load(1)
		w.exec(tx, "SAVEPOINT s")
		s := tx.Savepoint()
		r.Image = image("n")
		tx.update(r, old)
		w.exec(tx, "ROLLBACK TO s")
		w.must(tx.RollbackTo(s))
	})
	w.want("n p") // n was there before
	if got := w.value(); got != "p" {
		t.Errorf("value %q", got)
	}
}

func TestF2SavepointReleasedOuterRolledBack(t *testing.T) {
	w := newWorld(t, "p")
	w.create("p")
	up := w.upload("n")
	w.rollback(func(tx *transaction) {
		r, old := tx.load(1)
		w.exec(tx, "SAVEPOINT s")
		tx.Savepoint()
		r.Image = image(up.Name())
		tx.update(r, old)
		w.exec(tx, "RELEASE s")
	})
	up.Discard()
	w.want("p")
}

// The field was not read, so nobody knows its old value: it stays. An adapter
// reads the row.
func TestE8FieldNotRead(t *testing.T) {
	w := newWorld(t, "p n")
	w.create("p")
	w.commit(func(tx *transaction) {
		r := &models.Record{}
		w.must(tx.QueryRowContext(t.Context(), "SELECT id, title FROM record WHERE id = 1").Scan(&r.ID, &r.Title))
		old := r.FileSnapshot()
		r.Image = image("n")
		tx.update(r, old)
	})
	w.want("n p")
}

func TestE8bFieldReadLater(t *testing.T) {
	w := newWorld(t, "p")
	w.create("p")
	w.commit(func(tx *transaction) {
		r := &models.Record{ID: 1}
		old := r.FileSnapshot()
		w.must(tx.QueryRowContext(t.Context(), "SELECT image FROM record WHERE id = 1").Scan(&r.Image))
		tx.update(r, old)
	})
	w.want("p")
}

// bulk updates past the generated methods. An adapter or a trigger will see it.
func bulk(t *testing.T) {
	t.Helper()
	w := newWorld(t, "p q n")
	w.create("p")
	w.commit(func(tx *transaction) { tx.insert(&models.Record{ID: 2, Image: image("q")}) })
	w.commit(func(tx *transaction) { w.exec(tx, "UPDATE record SET image = 'n'") })
	w.want("n p q")
}

func TestE9BulkUpdate(t *testing.T)           { bulk(t) }
func TestE10BulkUpdateOfMany(t *testing.T)    { bulk(t) }
func TestF8BulkUpdateByQuery(t *testing.T)    { bulk(t) }
func TestE23RawDelete(t *testing.T)           { rawDelete(t) }
func TestF10DeleteWithoutHooks(t *testing.T)  { rawDelete(t) }
func TestF9BulkDeleteByTheLayer(t *testing.T) { rawDelete(t) }

// rawDelete deletes past the generated methods. A trigger will see it.
func rawDelete(t *testing.T) {
	t.Helper()
	w := newWorld(t, "p")
	w.create("p")
	w.commit(func(tx *transaction) { w.exec(tx, "DELETE FROM record") })
	w.want("p")
}

func TestF4ObserverFails(t *testing.T) {
	w := newWorld(t, "p q n", runtime.WithObserver(runtime.Observer{After: func(context.Context, runtime.Result) { panic(errors.New("observer")) }}))
	w.commit(func(tx *transaction) { tx.insert(&models.Record{ID: 1, Image: image("p"), Other: "q"}) })
	change(w, func(r *models.Record) { r.Image, r.Other = image("n"), "" })
	w.want("n")
	if got := w.value(); got != "n" {
		t.Errorf("value %q", got)
	}
}

func TestE13FieldOfParent(t *testing.T) {
	var mu sync.Mutex // two files go at once
	var events []runtime.Result
	w := newWorld(t, "p o", runtime.WithObserver(runtime.Observer{After: func(_ context.Context, e runtime.Result) {
		mu.Lock()
		defer mu.Unlock()
		events = append(events, e)
	}}))
	r := &models.Child{Parent: models.Parent{ID: 1, Image: "p"}, Own: "o"}
	w.commit(func(tx *transaction) {
		tx.write(r.AfterCreate, "INSERT INTO record (id, image, other) VALUES (?, ?, ?)", r.ID, r.Image, r.Own)
	})
	w.commit(func(tx *transaction) {
		tx.write(func(b *runtime.Batch) { r.AfterDelete(b, r.FileSnapshot()) }, "DELETE FROM record WHERE id = ?", r.ID)
	})
	w.want("")
	if len(events) != 2 {
		t.Errorf("%d events: %v", len(events), events)
	}
}

// A record of which only the key was read names nothing. An adapter reads the
// row.
func TestE19OnlyTheKeyRead(t *testing.T) {
	w := newWorld(t, "p")
	w.create("p")
	w.commit(func(tx *transaction) {
		r := &models.Record{ID: 1}
		tx.remove(r, r.FileSnapshot())
	})
	w.want("p")
}

func TestE21AnotherProcess(t *testing.T) {
	w := newWorld(t, "a b c")
	w.create("a")
	w.exec(w.db, "UPDATE record SET image = 'b' WHERE id = 1")
	change(w, func(r *models.Record) { r.Image = image("c") }) // reads the row again
	w.want("a c")                                              // a is the other's business
}

// A stale record writes a name back whose file has gone: the row dangles, and b
// stays, since the snapshot is as stale as the record. An adapter reads the row.
func TestE22StaleRecord(t *testing.T) {
	w := newWorld(t, "a b")
	w.create("a")
	var stale *models.Record
	var old models.RecordFiles
	w.commit(func(tx *transaction) { stale, old = tx.load(1) })
	change(w, func(r *models.Record) { r.Image = image("b") })
	w.want("b")
	w.commit(func(tx *transaction) { tx.update(stale, old) })
	w.want("b")
}

// A save over an existing key is an update whose old row nobody has read. An
// adapter reads it.
func TestE25SaveOverExistingKey(t *testing.T) {
	w := newWorld(t, "a b")
	w.create("a")
	w.commit(func(tx *transaction) {
		r := &models.Record{ID: 1, Image: image("b")}
		tx.write(r.AfterCreate, "INSERT OR REPLACE INTO record (id, image) VALUES (?, ?)", r.ID, r.Image)
	})
	w.want("a b")
}

func TestF5RolledBackThenDeleted(t *testing.T) {
	w := newWorld(t, "a")
	w.create("a")
	up := w.upload("b")
	w.rollback(func(tx *transaction) {
		r, old := tx.load(1)
		r.Image = image(up.Name())
		tx.update(r, old)
	})
	up.Discard()
	removeRecord(w)
	w.want("")
}

func TestE26NameLeavesStorage(t *testing.T) {
	w := newWorld(t, "q")
	w.create("../x")
	calls := w.spy.calls.Load()
	got, _ := removeRecord(w).Of(runtime.Ref{Storage: "media", Name: "../x"})
	if got.Status != runtime.Kept || got.Cause != runtime.UnsafeName || !errors.Is(got.Err, storage.ErrBadName) {
		t.Errorf("%v", got)
	}
	if w.spy.calls.Load() != calls {
		t.Error("the storage was asked")
	}
	w.want("q")
}
