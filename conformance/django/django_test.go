package django_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/django/models"
	"github.com/filecleangen/filecleangen/conformance/django/selected"
	"github.com/filecleangen/filecleangen/runtime"
)

func TestC1ReadAgainInPlace(t *testing.T) {
	w := newWorld(t, "p n")
	w.create("p")
	w.commit(func(tx *transaction) {
		r, _ := tx.load(1)
		again, _ := tx.load(1)
		*r = *again
		old := r.FileSnapshot()
		r.Image = image("n")
		tx.update(r, old)
	})
	w.want("n")
}

// Plain hooks need the snapshot: without it the file stays, for a sweep to find.
// An adapter reads the row itself.
func TestC2SnapshotLost(t *testing.T) {
	w := newWorld(t, "p n")
	w.create("p")
	w.commit(func(tx *transaction) {
		tx.update(&models.Record{ID: 1, Image: image("n")}, models.RecordFiles{})
	})
	w.want("n p")
}

func TestC3SnapshotStored(t *testing.T) {
	for name, store := range map[string]func(from, to *models.RecordFiles) error{
		"gob": func(from, to *models.RecordFiles) error {
			var b bytes.Buffer
			return errors.Join(gob.NewEncoder(&b).Encode(from), gob.NewDecoder(&b).Decode(to))
		},
		"JSON": func(from, to *models.RecordFiles) error {
			text, err := json.Marshal(from)
			return errors.Join(err, json.Unmarshal(text, to))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "p n")
			w.create("p")
			w.commit(func(tx *transaction) {
				r, taken := tx.load(1)
				var old models.RecordFiles
				w.must(store(&taken, &old))
				r.Image = image("n")
				tx.update(r, old)
			})
			w.want("n")
		})
	}
}

// change loads record 1, changes it and saves it.
func change(w *world, do func(*models.Record)) *runtime.Report {
	w.t.Helper()
	return w.commit(func(tx *transaction) {
		r, old := tx.load(1)
		do(r)
		tx.update(r, old)
	})
}

func TestC4Replace(t *testing.T) {
	w := newWorld(t, "p n")
	w.create("p")
	change(w, func(r *models.Record) { r.Image = image("n") })
	w.want("n")
	if got := w.value(); got != "n" {
		t.Errorf("value %q", got)
	}
}

func TestC5Clear(t *testing.T) {
	w := newWorld(t, "p")
	w.create("p")
	change(w, func(r *models.Record) { r.Image.String = "" })
	w.want("")
}

func TestC6Nil(t *testing.T) {
	w := newWorld(t, "p q")
	w.create("p")
	change(w, func(r *models.Record) { r.Image.Valid = false })
	w.want("q")

	name := "q"
	w.commit(func(tx *transaction) {
		r := &models.Second{ID: 1, Image: &name}
		tx.write(r.AfterCreate, "UPDATE record SET image = ? WHERE id = ?", r.Image, r.ID)
	})
	w.commit(func(tx *transaction) {
		r := &models.Second{ID: 1}
		tx.write(func(b *runtime.Batch) { r.BeforeUpdate(b, models.SecondFiles{Image: "q"}) }, "UPDATE record SET image = NULL WHERE id = ?", r.ID)
	})
	w.want("")
}

func TestC7SecondType(t *testing.T) {
	w := newWorld(t, "p n")
	w.create("p")
	w.commit(func(tx *transaction) {
		r := &models.Second{}
		w.must(tx.QueryRowContext(t.Context(), "SELECT id, image FROM record WHERE id = 1").Scan(&r.ID, &r.Image))
		old, name := r.FileSnapshot(), "n"
		r.Image = &name
		tx.write(func(b *runtime.Batch) { r.BeforeUpdate(b, old) }, "UPDATE record SET image = ? WHERE id = ?", r.Image, r.ID)
	})
	w.want("n")
}

func legacy(w *world, name string) *models.Legacy {
	w.t.Helper()
	r := &models.Legacy{Number: 1, Image: name}
	w.commit(func(tx *transaction) {
		tx.write(r.AfterCreate, `INSERT INTO legacy ("Rec No", "Img Path") VALUES (?, ?)`, r.Number, r.Image)
	})
	return r
}

func TestC8Legacy(t *testing.T) {
	w := newWorld(t, "p n")
	r := legacy(w, "p")
	w.commit(func(tx *transaction) {
		old := r.FileSnapshot()
		r.Image = "n"
		tx.write(func(b *runtime.Batch) { r.BeforeUpdate(b, old) }, `UPDATE legacy SET "Img Path" = ? WHERE "Rec No" = ?`, r.Image, r.Number)
	})
	w.want("n")
}

// partial reads record 1 without its other file.
func partial(tx *transaction) (*models.Record, models.RecordFiles) {
	tx.w.t.Helper()
	r := &models.Record{}
	tx.w.must(tx.QueryRowContext(tx.w.t.Context(), "SELECT id, image FROM record WHERE id = 1").Scan(&r.ID, &r.Image))
	return r, r.FileSnapshot()
}

func TestC9Partial(t *testing.T) {
	w := newWorld(t, "p q n")
	w.commit(func(tx *transaction) { tx.insert(&models.Record{ID: 1, Image: image("p"), Other: "q"}) })
	w.commit(func(tx *transaction) {
		r, old := partial(tx)
		r.Image = image("n")
		tx.write(func(b *runtime.Batch) { r.BeforeUpdate(b, old) }, "UPDATE record SET image = ? WHERE id = ?", r.Image, r.ID)
	})
	w.want("n q")
}

// removeRecord loads record 1 and deletes it.
func removeRecord(w *world) *runtime.Report {
	w.t.Helper()
	return w.commit(func(tx *transaction) { tx.remove(tx.load(1)) })
}

func TestC10Delete(t *testing.T) {
	w := newWorld(t, "p")
	w.create("p")
	removeRecord(w)
	w.want("")
}

func withDefaults(t *testing.T) (*world, *models.WithDefaults) {
	t.Helper()
	w := newWorld(t, "pic.jpg computed.jpg n m", runtime.WithProtected(func(r runtime.Ref) bool { return r.Name == "computed.jpg" }))
	r := &models.WithDefaults{ID: 1, Image: "pic.jpg", Other: "computed.jpg"}
	w.commit(func(tx *transaction) {
		tx.write(r.AfterCreate, "INSERT INTO record (id, image, other) VALUES (?, ?, ?)", r.ID, r.Image, r.Other)
	})
	return w, r
}

func TestC11DefaultsOnDelete(t *testing.T) {
	w, r := withDefaults(t)
	w.commit(func(tx *transaction) {
		tx.write(func(b *runtime.Batch) { r.AfterDelete(b, r.FileSnapshot()) }, "DELETE FROM record WHERE id = ?", r.ID)
	})
	w.want("computed.jpg m n pic.jpg")
}

func TestC12DefaultsOnUpdate(t *testing.T) {
	w, r := withDefaults(t)
	w.commit(func(tx *transaction) {
		old := r.FileSnapshot()
		r.Image, r.Other = "n", "m"
		tx.write(func(b *runtime.Batch) { r.BeforeUpdate(b, old) }, "UPDATE record SET image = ?, other = ? WHERE id = ?", r.Image, r.Other, r.ID)
	})
	w.want("computed.jpg m n pic.jpg")
}

// hasHooks reports whether methods were generated for a record.
func hasHooks(record any) bool {
	_, ok := reflect.TypeOf(record).MethodByName("FileSnapshot")
	return ok
}

func TestC13IgnoredDelete(t *testing.T) {
	w := newWorld(t, "p")
	w.create("p")
	if hasHooks(&models.Ignored{}) {
		t.Error("methods were generated")
	}
	w.commit(func(tx *transaction) { tx.write(func(*runtime.Batch) {}, "DELETE FROM record WHERE id = 1") })
	w.want("p")
}

func TestC14IgnoredUpdate(t *testing.T) {
	w := newWorld(t, "p n")
	w.create("p")
	w.commit(func(tx *transaction) { tx.write(func(*runtime.Batch) {}, "UPDATE record SET image = 'n' WHERE id = 1") })
	w.want("n p")
	if got := w.value(); got != "n" {
		t.Errorf("value %q", got)
	}
}

func TestC15SecondTypeDelete(t *testing.T) {
	w := newWorld(t, "p")
	w.create("p")
	w.commit(func(tx *transaction) {
		name := "p"
		r := &models.Second{ID: 1, Image: &name}
		tx.write(func(b *runtime.Batch) { r.AfterDelete(b, r.FileSnapshot()) }, "DELETE FROM record WHERE id = ?", r.ID)
	})
	w.want("")
}

func TestC16LegacyDelete(t *testing.T) {
	w := newWorld(t, "p")
	r := legacy(w, "p")
	w.commit(func(tx *transaction) {
		tx.write(func(b *runtime.Batch) { r.AfterDelete(b, r.FileSnapshot()) }, `DELETE FROM legacy WHERE "Rec No" = ?`, r.Number)
	})
	w.want("")
}

func TestC17PartialDelete(t *testing.T) {
	w := newWorld(t, "p q")
	w.commit(func(tx *transaction) { tx.insert(&models.Record{ID: 1, Image: image("p"), Other: "q"}) })
	w.commit(func(tx *transaction) { tx.remove(partial(tx)) })
	w.want("q") // which was never read: an adapter reads the row
}

func TestC18EmptyDelete(t *testing.T) { deleteWithoutFile(t, &models.Record{ID: 1, Image: image("")}) }

func TestC20NilDelete(t *testing.T) { deleteWithoutFile(t, &models.Record{ID: 1}) }

// deleteWithoutFile checks that the storage is not asked anything.
func deleteWithoutFile(t *testing.T, r *models.Record) {
	t.Helper()
	w := newWorld(t, "q")
	w.commit(func(tx *transaction) { tx.insert(r) })
	report := removeRecord(w)
	if len(report.Files) > 0 || w.spy.calls.Load() > 0 {
		t.Errorf("%d calls of the storage, %v", w.spy.calls.Load(), report)
	}
	w.want("q")
}

func TestC19MissingFile(t *testing.T) {
	w := newWorld(t, "")
	w.create("p")
	if got, _ := removeRecord(w).Of(runtime.Ref{Storage: "media", Name: "p"}); got.Status != runtime.Missing || got.Err != nil {
		t.Errorf("%v", got)
	}
	if strings.Contains(w.logs.String(), "ERROR") {
		t.Errorf("log:\n%s", w.logs)
	}
}

func TestC21StorageFails(t *testing.T) {
	w := newWorld(t, "p")
	w.create("p")
	w.spy.fail = errors.New("disk on fire")
	report := change(w, func(r *models.Record) { r.Image = image("") })
	got, _ := report.Of(runtime.Ref{Storage: "media", Name: "p"})
	if got.Status != runtime.Failed || !errors.Is(got.Err, w.spy.fail) {
		t.Errorf("%v", got)
	}
	if got := w.value(); got != "" {
		t.Errorf("value %q", got)
	}
	log := w.logs.String()
	if strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, "name=p") || !strings.Contains(log, "field=models.Record.Image") || !strings.Contains(log, "disk on fire") {
		t.Errorf("log:\n%s", log)
	}
	w.want("p")
}

// The child's row goes past the generated methods, so its file stays. Triggers
// into an outbox will meet it.
func TestC22Cascade(t *testing.T) {
	w := newWorld(t, "p")
	w.exec(w.db, "INSERT INTO root VALUES (1); INSERT INTO child VALUES (1, 1, 'p')")
	w.commit(func(tx *transaction) { tx.write(func(*runtime.Batch) {}, "DELETE FROM root WHERE id = 1") })
	w.want("p")
}

func TestC23TakenNames(t *testing.T) {
	w := newWorld(t, "f1.png f2.png")
	up := w.upload("f1.png")
	first := up.Name()
	w.commit(func(tx *transaction) { tx.insert(&models.Record{ID: 1, Image: image(first)}) })
	up.Discard()
	w.want("f1.png " + first + " f2.png")
	up = w.upload("f2.png")
	second := up.Name()
	change(w, func(r *models.Record) { r.Image = image(second) })
	up.Discard()
	w.want("f1.png f2.png " + second)
	removeRecord(w)
	w.want("f1.png f2.png")
	if !strings.HasPrefix(first, "f1_") || !strings.HasPrefix(second, "f2_") {
		t.Errorf("names %s, %s", first, second)
	}
}

func TestC24Observers(t *testing.T) {
	var before, after []runtime.Result
	w := newWorld(t, "p", runtime.WithObserver(runtime.Observer{
		Before: func(_ context.Context, e runtime.Result) error { before = append(before, e); return nil },
		After:  func(_ context.Context, e runtime.Result) { after = append(after, e) },
	}))
	w.create("p")
	change(w, func(r *models.Record) { r.Image = image("n") }) // n never existed
	removeRecord(w)
	for i, want := range []struct {
		name   string
		reason runtime.Reason
		status runtime.Status
	}{{"p", runtime.Updated, runtime.Removed}, {"n", runtime.Deleted, runtime.Missing}} {
		b, a := before[i], after[i]
		if b.Ref.Name != want.name || b.Reason != want.reason || b.Type != models.RecordFileType || b.Field.Path != "Image" || len(b.Field.Defaults) > 0 {
			t.Errorf("before: %+v", b)
		}
		if a.Ref != b.Ref || a.Reason != want.reason || a.Status != want.status || a.Err != nil {
			t.Errorf("after: %+v", a)
		}
	}
	if len(before) != 2 || len(after) != 2 {
		t.Errorf("%d and %d events", len(before), len(after))
	}
}

func TestC25Selected(t *testing.T) {
	w := newWorld(t, "p n")
	w.create("p")
	w.commit(func(tx *transaction) {
		r := &selected.Marked{ID: 1, Image: "n"}
		tx.write(func(b *runtime.Batch) { r.BeforeUpdate(b, selected.MarkedFiles{Image: "p"}) }, "UPDATE record SET image = ? WHERE id = ?", r.Image, r.ID)
	})
	w.want("n")
}

func TestC26NotSelected(t *testing.T) {
	w := newWorld(t, "p n")
	w.create("p")
	if hasHooks(&selected.Unmarked{}) {
		t.Error("methods were generated")
	}
	w.commit(func(tx *transaction) { tx.write(func(*runtime.Batch) {}, "UPDATE record SET image = 'n' WHERE id = 1") })
	w.want("n p")
	if got := w.value(); got != "n" {
		t.Errorf("value %q", got)
	}
}

// thumbnails removes the thumbnail of a file that has gone.
func thumbnails(t *testing.T) *world {
	t.Helper()
	var w *world
	w = newWorld(t, "p n t/p", runtime.WithObserver(runtime.Observer{After: func(_ context.Context, e runtime.Result) {
		_ = os.Remove(filepath.Join(w.root, "t", e.Ref.Name))
	}}))
	w.create("p")
	return w
}

func TestC27ThumbnailByObserver(t *testing.T) {
	w := thumbnails(t)
	change(w, func(r *models.Record) { r.Image = image("n") })
	w.want("n")
}

func TestC28ThumbnailByObserverDelete(t *testing.T) {
	w := thumbnails(t)
	removeRecord(w)
	w.want("n")
}

func TestC29Derived(t *testing.T) {
	w := newWorld(t, "p.png n.png thumbs/p.webp thumbs/n.webp")
	w.create("p.png")
	w.commit(func(tx *transaction) {
		r := &models.WithThumb{ID: 1, Image: "n.png"}
		tx.write(func(b *runtime.Batch) { r.BeforeUpdate(b, models.WithThumbFiles{Image: "p.png"}) }, "UPDATE record SET image = ? WHERE id = ?", r.Image, r.ID)
	})
	w.want("n.png thumbs/n.webp")
}

func TestC30DerivedDelete(t *testing.T) {
	w := newWorld(t, "p.png thumbs/p.webp thumbs/n.webp")
	w.create("p.png")
	w.commit(func(tx *transaction) {
		r := &models.WithThumb{ID: 1, Image: "p.png"}
		tx.write(func(b *runtime.Batch) { r.AfterDelete(b, r.FileSnapshot()) }, "DELETE FROM record WHERE id = ?", r.ID)
	})
	w.want("thumbs/n.webp")
}

func TestC31SnapshotByHand(t *testing.T) {
	w := newWorld(t, "p new.jpg")
	w.create("p")
	w.commit(func(tx *transaction) {
		r, _ := tx.load(1)
		r.Image = image("edited")
		again, old := tx.load(1)
		*r = *again
		r.Image = image("new.jpg")
		tx.update(r, old)
	})
	w.want("new.jpg")
	if got := w.value(); got != "new.jpg" {
		t.Errorf("value %q", got)
	}
}
