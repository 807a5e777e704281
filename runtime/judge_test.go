package runtime_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// TestJudgement tells what is left on disk after a transaction that commits.
func TestJudgement(t *testing.T) {
	tests := map[string]struct {
		files string
		story func(w *world, b *runtime.Batch)
		left  string
	}{
		"replace": {"p n", func(_ *world, b *runtime.Batch) {
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = "n" })
		}, "n"},
		"clear": {"p", func(_ *world, b *runtime.Batch) {
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = "" })
		}, ""},
		"change another field": {"p q n", func(_ *world, b *runtime.Batch) {
			update(b, &doc{ID: 1, A: "p", B: "q"}, func(r *doc) { r.B = "n" })
		}, "n p"},
		"delete": {"p q x", func(_ *world, b *runtime.Batch) {
			remove(b, &doc{ID: 1, A: "p", B: "q"})
		}, "x"},
		"nothing changed": {"p q", func(_ *world, b *runtime.Batch) {
			update(b, &doc{ID: 1, A: "p", B: "q"}, func(*doc) {})
		}, "p q"},
		"create": {"p", func(_ *world, b *runtime.Batch) {
			insert(b, &doc{ID: 1, A: "p"})
		}, "p"},

		"swap two fields": {"p q", func(_ *world, b *runtime.Batch) {
			update(b, &doc{ID: 1, A: "p", B: "q"}, func(r *doc) { r.A, r.B = r.B, r.A })
		}, "p q"},
		"two fields share a file, one lets go": {"p n", func(_ *world, b *runtime.Batch) {
			update(b, &doc{ID: 1, A: "p", B: "p"}, func(r *doc) { r.B = "n" })
		}, "n p"},
		"two fields share a file, both let go": {"p n", func(_ *world, b *runtime.Batch) {
			update(b, &doc{ID: 1, A: "p", B: "p"}, func(r *doc) { r.A, r.B = "n", "" })
		}, "n"},
		"move a field": {"p", func(_ *world, b *runtime.Batch) {
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A, r.B = "", r.A })
		}, "p"},
		"move a field to a list": {"p q", func(_ *world, b *runtime.Batch) {
			update(b, &doc{ID: 1, A: "p", Gallery: []string{"q"}}, func(r *doc) { r.Gallery, r.A = []string{"p"}, "" })
		}, "p"},
		"move to another record, then delete the first": {"p", func(_ *world, b *runtime.Batch) {
			first, second := &doc{ID: 1, A: "p"}, &doc{ID: 2}
			update(b, second, func(r *doc) { r.B = first.A })
			remove(b, first)
		}, "p"},
		"delete the first, then move to another record": {"p", func(_ *world, b *runtime.Batch) {
			first, second := &doc{ID: 1, A: "p"}, &doc{ID: 2}
			remove(b, first)
			update(b, second, func(r *doc) { r.B = first.A })
		}, "p"},
		"there and back": {"p n", func(_ *world, b *runtime.Batch) {
			r := &doc{ID: 1, A: "p"}
			update(b, r, func(r *doc) { r.A = "n" })
			update(b, r, func(r *doc) { r.A = "p" })
		}, "p"},
		"through three names": {"p m n", func(_ *world, b *runtime.Batch) {
			r := &doc{ID: 1, A: "p"}
			update(b, r, func(r *doc) { r.A = "m" })
			update(b, r, func(r *doc) { r.A = "n" })
		}, "n"},
		// The row was read twice; the second copy writes the first file back,
		// which is what the database has in the end.
		"read twice, saved stale": {"p n", func(_ *world, b *runtime.Batch) {
			one, two := &doc{ID: 1, A: "p"}, &doc{ID: 1, A: "p"}
			update(b, one, func(r *doc) { r.A = "n" })
			update(b, two, func(*doc) {})
		}, "n p"},
		"deleted and created again under the same name": {"p", func(_ *world, b *runtime.Batch) {
			remove(b, &doc{ID: 1, A: "p"})
			insert(b, &doc{ID: 7, A: "p"})
		}, "p"},
		"deleted and created again with the same key": {"p", func(_ *world, b *runtime.Batch) {
			remove(b, &doc{ID: 1, A: "p"})
			insert(b, &doc{ID: 1, A: "p"})
		}, "p"},
		"created and deleted": {"p", func(_ *world, b *runtime.Batch) {
			r := &doc{ID: 1, A: "p"}
			insert(b, r)
			remove(b, r)
		}, ""},
		"one variable for many rows": {"a b c", func(_ *world, b *runtime.Batch) {
			r := &doc{}
			for i, name := range []string{"a", "b", "c"} {
				*r = doc{ID: i + 1, A: name}
				remove(b, r)
			}
			*r = doc{ID: 9, A: "b"}
			insert(b, r)
		}, "b"},

		"list loses its middle": {"a b c", func(_ *world, b *runtime.Batch) {
			update(b, &doc{ID: 1, Gallery: []string{"a", "b", "c"}}, func(r *doc) { r.Gallery = []string{"a", "c"} })
		}, "a c"},
		"list is sorted otherwise": {"a b c", func(_ *world, b *runtime.Batch) {
			update(b, &doc{ID: 1, Gallery: []string{"a", "b", "c"}}, func(r *doc) { r.Gallery = []string{"c", "a", "b"} })
		}, "a b c"},
		"list gains in front": {"a b n", func(_ *world, b *runtime.Batch) {
			update(b, &doc{ID: 1, Gallery: []string{"a", "b"}}, func(r *doc) { r.Gallery = []string{"n", "a", "b"} })
		}, "a b n"},
		"list changed in place": {"a b n", func(_ *world, b *runtime.Batch) {
			update(b, &doc{ID: 1, Gallery: []string{"a", "b"}}, func(r *doc) { r.Gallery[1] = "n" })
		}, "a n"},
		"list with the same file twice loses one": {"a", func(_ *world, b *runtime.Batch) {
			update(b, &doc{ID: 1, Gallery: []string{"a", "a"}}, func(r *doc) { r.Gallery = []string{"a"} })
		}, "a"},

		"default stays on update and delete": {"default.png n", func(_ *world, b *runtime.Batch) {
			update(b, &doc{ID: 1, A: "default.png"}, func(r *doc) { r.A = "n" })
			remove(b, &doc{ID: 2, A: "default.png"})
		}, "default.png n"},
		"default of another field": {"default.png", func(_ *world, b *runtime.Batch) {
			remove(b, &doc{ID: 2, B: "default.png"})
		}, "default.png"},

		"failing write": {"p n", func(_ *world, b *runtime.Batch) {
			r := &doc{ID: 1, A: "n"}
			_ = b.Exec(func(b *runtime.Batch) { r.BeforeUpdate(b, docFiles{A: "p"}) }, failed)
		}, "n p"},
		"write that hits no row": {"p n", func(_ *world, b *runtime.Batch) {
			r := &doc{ID: 1, A: "n"}
			_ = b.Exec(func(b *runtime.Batch) { r.BeforeUpdate(b, docFiles{A: "p"}) }, noRow)
		}, "n p"},
		// MySQL says 0 rows where the row already had the values.
		"write that hits no row protects what it names": {"p", func(_ *world, b *runtime.Batch) {
			r := &doc{ID: 2, A: "p"}
			_ = b.Exec(func(b *runtime.Batch) { r.BeforeUpdate(b, docFiles{A: "p"}) }, noRow)
			remove(b, &doc{ID: 1, A: "p"})
		}, "p"},
		"a name spelled in another way": {"p q a/r", func(_ *world, b *runtime.Batch) {
			insert(b, &doc{ID: 2, A: "/p", B: `a\r`, Gallery: []string{"x/.././q", "../..", "/"}})
			remove(b, &doc{ID: 1, A: "p", B: "q", Gallery: []string{"a/r"}})
		}, "a/r p q"},
		// It may have failed after the row was written.
		"a failed write protects what it names": {"p", func(_ *world, b *runtime.Batch) {
			r := &doc{ID: 2, A: "p"}
			_ = b.Exec(r.AfterCreate, failed)
			remove(b, &doc{ID: 1, A: "p"})
		}, "p"},
		"a failed write around one that succeeded": {"p q", func(_ *world, b *runtime.Batch) {
			_ = b.Exec((&doc{ID: 1, A: "q"}).AfterCreate, func() (int64, error) {
				insert(b, &doc{ID: 2, A: "p"})
				return 0, errWrite
			})
			remove(b, &doc{ID: 3, A: "p", B: "q"})
		}, "p q"},

		"a failed write around a record logged without Exec": {"p", func(_ *world, b *runtime.Batch) {
			_ = b.Exec(func(*runtime.Batch) {}, func() (int64, error) {
				(&doc{ID: 2, A: "p"}).AfterCreate(b)
				return 0, errWrite
			})
			remove(b, &doc{ID: 3, A: "p"})
		}, "p"},

		"savepoint rolled back": {"p n", func(w *world, b *runtime.Batch) {
			s := b.Savepoint()
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = "n" })
			w.rollbackTo(b, s)
		}, "n p"},
		"savepoint rolled back, another change stands": {"p q n", func(w *world, b *runtime.Batch) {
			r := &doc{ID: 1, A: "p", B: "q"}
			update(b, r, func(r *doc) { r.B = "" })
			s := b.Savepoint()
			update(b, r, func(r *doc) { r.A = "n" })
			w.rollbackTo(b, s)
		}, "n p"},
		"savepoint released": {"p n", func(_ *world, b *runtime.Batch) {
			b.Savepoint()
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = "n" })
		}, "n"},
		"rolled back twice to the same savepoint": {"p q n", func(w *world, b *runtime.Batch) {
			s := b.Savepoint()
			remove(b, &doc{ID: 1, A: "p"})
			w.rollbackTo(b, s)
			remove(b, &doc{ID: 2, A: "q"})
			w.rollbackTo(b, s)
			remove(b, &doc{ID: 3, A: "n"})
		}, "p q"},
		"inner savepoint released, outer rolled back": {"p q", func(w *world, b *runtime.Batch) {
			outer := b.Savepoint()
			remove(b, &doc{ID: 1, A: "p"})
			b.Savepoint()
			remove(b, &doc{ID: 2, A: "q"})
			w.rollbackTo(b, outer)
		}, "p q"},

		"anonymous record: nothing cancels its hold": {"p", func(_ *world, b *runtime.Batch) {
			r := &doc{A: "p"}
			insert(b, r)
			remove(b, r)
		}, "p"},
		"anonymous record: replace": {"p n", func(_ *world, b *runtime.Batch) {
			update(b, &doc{A: "p"}, func(r *doc) { r.A = "n" })
		}, "n"},
		"anonymous records: move and delete": {"p", func(_ *world, b *runtime.Batch) {
			update(b, &doc{}, func(r *doc) { r.A = "p" })
			remove(b, &doc{A: "p"})
		}, "p"},

		"upload is named": {"p", func(w *world, b *runtime.Batch) {
			name := w.upload(b, "n")
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = name })
		}, "n"},
		"upload is named and replaced": {"p", func(w *world, b *runtime.Batch) {
			r := &doc{ID: 1, A: "p"}
			for _, name := range []string{"m", "n"} {
				name = w.upload(b, name)
				update(b, r, func(r *doc) { r.A = name })
			}
		}, "n"},
		"upload whose record was rolled back to a savepoint": {"p", func(w *world, b *runtime.Batch) {
			name := w.upload(b, "n")
			s := b.Savepoint()
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = name })
			w.rollbackTo(b, s)
		}, "p"},
		"upload named again after a savepoint": {"p", func(w *world, b *runtime.Batch) {
			name := w.upload(b, "n")
			s := b.Savepoint()
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = name })
			w.rollbackTo(b, s)
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.B = name })
		}, "n p"},
		"upload that nobody ever held": {"p", func(w *world, b *runtime.Batch) {
			w.upload(b, "n")
		}, "n p"},
		"upload of a write that failed": {"p", func(w *world, b *runtime.Batch) {
			r := &doc{ID: 1, A: w.upload(b, "n")}
			_ = b.Exec(func(b *runtime.Batch) { r.BeforeUpdate(b, docFiles{A: "p"}) }, failed)
		}, "n p"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, test.files)
			b := w.clean.Begin()
			test.story(w, b)
			report := w.commit(b)
			w.wantLeft(test.left)
			seen := map[runtime.Ref]bool{}
			for _, f := range report.Files {
				if seen[f.Ref] || f.Status == "" {
					t.Errorf("%s is in the report twice, or undecided", f.Ref)
				}
				seen[f.Ref] = true
			}
			if t.Failed() {
				t.Log(report)
			}
		})
	}
}

func (w *world) rollbackTo(b *runtime.Batch, s runtime.Savepoint) {
	w.t.Helper()
	if err := b.RollbackTo(s); err != nil {
		w.t.Fatal(err)
	}
}

// TestRollback: whatever a batch did, a rollback removes its uploads and
// nothing else.
func TestRollback(t *testing.T) {
	w := newWorld(t, "p q default.png")
	b := w.clean.Begin()
	update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = w.upload(b, "n") })
	remove(b, &doc{ID: 2, A: "q"})
	w.upload(b, "never held")
	report := b.Rollback()
	w.wantLeft("default.png p q")
	if report.Outcome != runtime.RolledBack || report.Count(runtime.Removed) != 2 {
		t.Errorf("report: %v", report)
	}
	wantResult(t, report, "n", runtime.Removed, "")
	if again := b.Rollback(); again != nil {
		t.Errorf("second rollback reports %v", again)
	}
}

// TestRollbackThenCommit: E3 and F5 of django-cleanup's tests. What was rolled
// back does not confuse what follows.
func TestRollbackThenCommit(t *testing.T) {
	w := newWorld(t, "p")
	r := &doc{ID: 1, A: "p"}
	row := *r

	b := w.clean.Begin()
	update(b, r, func(r *doc) { r.A = w.upload(b, "m") })
	b.Rollback()
	w.wantLeft("p")

	*r = row // read again
	b = w.clean.Begin()
	update(b, r, func(r *doc) { r.A = w.upload(b, "n") })
	w.commit(b)
	w.wantLeft("n")
}

func TestUnknownOutcome(t *testing.T) {
	errLost := errors.New("connection reset by peer")
	w := newWorld(t, "p q")
	b := w.clean.Begin()
	update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = w.upload(b, "n") })
	remove(b, &doc{ID: 2, A: "q"})
	report, err := b.CommitWith(context.Background(), func() error { return errLost })
	if !errors.Is(err, errLost) {
		t.Errorf("error %v, want commit's", err)
	}
	if report.Outcome != runtime.Unknown || !errors.Is(report.Err, errLost) {
		t.Errorf("report: %v", report)
	}
	for _, name := range []string{"p", "q", "n"} {
		wantResult(t, report, name, runtime.Kept, runtime.UnknownOutcome)
	}
	if r := b.Rollback(); r != nil {
		t.Errorf("the rollback after it reports %v", r)
	}
	w.wantLeft("n p q")
}

func TestCommitPanics(t *testing.T) {
	w := newWorld(t, "p")
	b := w.clean.Begin()
	update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = w.upload(b, "n") })
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = b.CommitWith(context.Background(), func() error { panic("driver bug") })
	}()
	if r := b.Rollback(); r != nil {
		t.Errorf("the rollback after it reports %v", r)
	}
	w.wantLeft("n p")
	if !strings.Contains(w.logs.String(), "commit panicked") {
		t.Errorf("log:\n%s", w.logs)
	}
}

func TestBatchEndsOnce(t *testing.T) {
	w := newWorld(t, "p q")
	b := w.clean.Begin()
	remove(b, &doc{ID: 1, A: "p"})
	w.commit(b)

	called := false
	_, err := b.CommitWith(context.Background(), func() error { called = true; return nil })
	if !errors.Is(err, runtime.ErrEnded) || called {
		t.Errorf("second commit: %v, called: %t", err, called)
	}
	if err := b.Exec(func(*runtime.Batch) {}, oneRow); !errors.Is(err, runtime.ErrEnded) {
		t.Errorf("Exec: %v", err)
	}
	if _, err := b.Create(context.Background(), "media", "n"); !errors.Is(err, runtime.ErrEnded) {
		t.Errorf("Create: %v", err)
	}
	(&doc{ID: 2}).BeforeUpdate(b, docFiles{A: "q"})
	w.wantLeft("q")
}

func TestSavepointOfNobody(t *testing.T) {
	w := newWorld(t, "p")
	other := w.clean.Begin().Savepoint()
	b := w.clean.Begin()
	b.Savepoint()
	remove(b, &doc{ID: 1, A: "p"})
	if err := b.RollbackTo(other); !errors.Is(err, runtime.ErrSavepoint) {
		t.Errorf("RollbackTo: %v", err)
	}
	report := w.commit(b)
	wantResult(t, report, "p", runtime.Kept, runtime.LostTrack)
	w.wantLeft("p")
}

func TestSavepointMadeAfterIsGone(t *testing.T) {
	w := newWorld(t, "")
	b := w.clean.Begin()
	outer := b.Savepoint()
	inner := b.Savepoint()
	w.rollbackTo(b, outer)
	b.Savepoint()
	if err := b.RollbackTo(inner); !errors.Is(err, runtime.ErrSavepoint) {
		t.Errorf("RollbackTo: %v", err)
	}
}

// TestExecCallsHookTwice: the second call sees what the database set.
func TestExecCallsHookTwice(t *testing.T) {
	w := newWorld(t, "p")
	b := w.clean.Begin()
	r := &doc{A: "p"}
	err := b.Exec(r.AfterCreate, func() (int64, error) {
		r.ID = 7
		return 1, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	remove(b, r)
	w.commit(b)
	w.wantLeft("")
}

func TestExecPanics(t *testing.T) {
	for name, exec := range map[string]func(b *runtime.Batch, r *doc){
		"in the write": func(b *runtime.Batch, r *doc) {
			_ = b.Exec(func(b *runtime.Batch) { r.AfterDelete(b, r.FileSnapshot()) }, func() (int64, error) { panic("driver") })
		},
		"in the hook": func(b *runtime.Batch, r *doc) {
			_ = b.Exec(func(b *runtime.Batch) { r.AfterDelete(b, r.FileSnapshot()); panic("hook") }, oneRow)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "p q")
			b := w.clean.Begin()
			func() {
				defer func() { _ = recover() }()
				exec(b, &doc{ID: 1, A: "p"})
			}()
			remove(b, &doc{ID: 2, A: "q"}) // the batch still works
			w.commit(b)
			w.wantLeft("p")
		})
	}
}

func TestExecError(t *testing.T) {
	b := newWorld(t, "").clean.Begin()
	if err := b.Exec(func(*runtime.Batch) {}, failed); !errors.Is(err, errWrite) {
		t.Errorf("error %v, want the write's", err)
	}
}

// TestReport says why a file was kept.
func TestReport(t *testing.T) {
	w := newWorld(t, "p q r default.png")
	b := w.clean.Begin()
	one := &doc{ID: 1, A: "p", B: "q"}
	update(b, one, func(r *doc) { r.A, r.B = "q", "" })
	remove(b, &doc{ID: 2, A: "default.png", B: "gone", Gallery: []string{"../etc/passwd", "/abs"}})
	remove(b, &doc{ID: 3, A: "r"})
	update(b, &doc{ID: 4}, func(d *doc) { d.B = "r" })
	w.upload(b, "u")
	report := w.commit(b)

	wantResult(t, report, "p", runtime.Removed, "")
	wantResult(t, report, "default.png", runtime.Kept, runtime.IsDefault)
	wantResult(t, report, "gone", runtime.Missing, "")
	wantResult(t, report, "../etc/passwd", runtime.Kept, runtime.UnsafeName)
	wantResult(t, report, "/abs", runtime.Kept, runtime.UnsafeName)
	wantResult(t, report, "r", runtime.Kept, runtime.StillNamed)
	wantResult(t, report, "u", runtime.Kept, runtime.NeverHeld)
	if _, ok := report.Of(media("q")); ok {
		t.Error("q moved within its record, and is in the report")
	}
	if got, _ := report.Of(media("p")); got.Reason != runtime.Updated || got.Type != docType || got.Field.Path != "A" {
		t.Errorf("p: %+v", got)
	}
	if got, _ := report.Of(media("gone")); got.Reason != runtime.Deleted || got.Field.Path != "B" {
		t.Errorf("gone: %+v", got)
	}
	if got, _ := report.Of(media("/abs")); !errors.Is(got.Err, storage.ErrBadName) {
		t.Errorf("/abs: %v", got.Err)
	}
	w.wantLeft("default.png q r u")
}
