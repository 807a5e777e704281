package runtime_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

const nothing = "nothing"

// TestDecisions tells what is left on disk after a transaction that commits.
func TestDecisions(t *testing.T) {
	tests := map[string]struct {
		files string
		story func(w *world, b *txn)
		left  string
		// unchecked is left where nobody asks the rows; "" is the same.
		unchecked string
	}{
		"replace": {"p n", func(_ *world, b *txn) {
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = "n" })
		}, "n", ""},
		"clear": {"p", func(_ *world, b *txn) {
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = "" })
		}, "", ""},
		"change another field": {"p q n", func(_ *world, b *txn) {
			update(b, &doc{ID: 1, A: "p", B: "q"}, func(r *doc) { r.B = "n" })
		}, "n p", ""},
		"delete": {"p q x", func(_ *world, b *txn) {
			remove(b, &doc{ID: 1, A: "p", B: "q"})
		}, "x", ""},
		"nothing changed": {"p q", func(_ *world, b *txn) {
			update(b, &doc{ID: 1, A: "p", B: "q"}, func(*doc) {})
		}, "p q", ""},
		"create": {"p", func(_ *world, b *txn) {
			insert(b, &doc{ID: 1, A: "p"})
		}, "p", ""},

		"swap two fields": {"p q", func(_ *world, b *txn) {
			update(b, &doc{ID: 1, A: "p", B: "q"}, func(r *doc) { r.A, r.B = r.B, r.A })
		}, "p q", ""},
		"two fields share a file, one lets go": {"p n", func(_ *world, b *txn) {
			update(b, &doc{ID: 1, A: "p", B: "p"}, func(r *doc) { r.B = "n" })
		}, "n p", ""},
		"two fields share a file, both let go": {"p n", func(_ *world, b *txn) {
			update(b, &doc{ID: 1, A: "p", B: "p"}, func(r *doc) { r.A, r.B = "n", "" })
		}, "n", ""},
		"move a field": {"p", func(_ *world, b *txn) {
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A, r.B = "", r.A })
		}, "p", ""},
		"move a field to a list": {"p q", func(_ *world, b *txn) {
			update(b, &doc{ID: 1, A: "p", Gallery: []string{"q"}}, func(r *doc) { r.Gallery, r.A = []string{"p"}, "" })
		}, "p", ""},
		"move to another record, then delete the first": {"p", func(_ *world, b *txn) {
			first, second := &doc{ID: 1, A: "p"}, &doc{ID: 2}
			update(b, second, func(r *doc) { r.B = first.A })
			remove(b, first)
		}, "p", ""},
		"delete the first, then move to another record": {"p", func(_ *world, b *txn) {
			first, second := &doc{ID: 1, A: "p"}, &doc{ID: 2}
			remove(b, first)
			update(b, second, func(r *doc) { r.B = first.A })
		}, "p", ""},
		"there and back": {"p n", func(_ *world, b *txn) {
			r := &doc{ID: 1, A: "p"}
			update(b, r, func(r *doc) { r.A = "n" })
			update(b, r, func(r *doc) { r.A = "p" })
		}, "p", ""},
		"through three names": {"p m n", func(_ *world, b *txn) {
			r := &doc{ID: 1, A: "p"}
			update(b, r, func(r *doc) { r.A = "m" })
			update(b, r, func(r *doc) { r.A = "n" })
		}, "n", ""},
		// The row was read twice; the second copy writes the first file back,
		// which is what the database has in the end.
		"read twice, saved stale": {"p n", func(_ *world, b *txn) {
			one, two := &doc{ID: 1, A: "p"}, &doc{ID: 1, A: "p"}
			update(b, one, func(r *doc) { r.A = "n" })
			update(b, two, func(*doc) {})
		}, "n p", ""},
		"deleted and created again under the same name": {"p", func(_ *world, b *txn) {
			remove(b, &doc{ID: 1, A: "p"})
			insert(b, &doc{ID: 7, A: "p"})
		}, "p", ""},
		"deleted and created again with the same key": {"p", func(_ *world, b *txn) {
			remove(b, &doc{ID: 1, A: "p"})
			insert(b, &doc{ID: 1, A: "p"})
		}, "p", ""},
		"created and deleted": {"p", func(_ *world, b *txn) {
			r := &doc{ID: 1, A: "p"}
			insert(b, r)
			remove(b, r)
		}, "", ""},
		"one variable for many rows": {"a b c", func(_ *world, b *txn) {
			r := &doc{}
			for i, name := range []string{"a", "b", "c"} {
				*r = doc{ID: i + 1, A: name}
				remove(b, r)
			}
			*r = doc{ID: 9, A: "b"}
			insert(b, r)
		}, "b", ""},

		"list loses its middle": {"a b c", func(_ *world, b *txn) {
			update(b, &doc{ID: 1, Gallery: []string{"a", "b", "c"}}, func(r *doc) { r.Gallery = []string{"a", "c"} })
		}, "a c", ""},
		"list is sorted otherwise": {"a b c", func(_ *world, b *txn) {
			update(b, &doc{ID: 1, Gallery: []string{"a", "b", "c"}}, func(r *doc) { r.Gallery = []string{"c", "a", "b"} })
		}, "a b c", ""},
		"list gains in front": {"a b n", func(_ *world, b *txn) {
			update(b, &doc{ID: 1, Gallery: []string{"a", "b"}}, func(r *doc) { r.Gallery = []string{"n", "a", "b"} })
		}, "a b n", ""},
		"list changed in place": {"a b n", func(_ *world, b *txn) {
			update(b, &doc{ID: 1, Gallery: []string{"a", "b"}}, func(r *doc) { r.Gallery[1] = "n" })
		}, "a n", ""},
		"list with the same file twice loses one": {"a", func(_ *world, b *txn) {
			update(b, &doc{ID: 1, Gallery: []string{"a", "a"}}, func(r *doc) { r.Gallery = []string{"a"} })
		}, "a", ""},

		"default stays on update and delete": {"default.png n", func(_ *world, b *txn) {
			update(b, &doc{ID: 1, A: "default.png"}, func(r *doc) { r.A = "n" })
			remove(b, &doc{ID: 2, A: "default.png"})
		}, "default.png n", ""},
		"default of another field": {"default.png", func(_ *world, b *txn) {
			remove(b, &doc{ID: 2, B: "default.png"})
		}, "default.png", ""},

		"failing write": {"p n", func(_ *world, b *txn) {
			r := &doc{ID: 1, A: "n"}
			b.read(1, media("p"))
			_ = b.Exec(func(b *runtime.Batch) { r.BeforeUpdate(b, docFiles{A: "p"}) }, failed)
		}, "n p", ""},
		"write that hits no row": {"p n", func(_ *world, b *txn) {
			r := &doc{ID: 1, A: "n"}
			b.read(1, media("p"))
			_ = b.Exec(func(b *runtime.Batch) { r.BeforeUpdate(b, docFiles{A: "p"}) }, noRow)
		}, "n p", ""},
		// MySQL says 0 rows where the row already had the values.
		"write that hits no row protects what it names": {"p", func(_ *world, b *txn) {
			r := &doc{ID: 2, A: "p"}
			b.read(2, media("p"))
			_ = b.Exec(func(b *runtime.Batch) { r.BeforeUpdate(b, docFiles{A: "p"}) }, noRow)
			remove(b, &doc{ID: 1, A: "p"})
		}, "p", ""},
		"a name spelled in another way": {"p q a/r", func(_ *world, b *txn) {
			insert(b, &doc{ID: 2, A: "/p", B: `a\r`, Gallery: []string{"x/.././q", "../..", "/"}})
			remove(b, &doc{ID: 1, A: "p", B: "q", Gallery: []string{"a/r"}})
		}, "a/r p q", ""},
		// It may have failed after the row was written.
		"a failed write protects what it names": {"p", func(_ *world, b *txn) {
			r := &doc{ID: 2, A: "p"}
			_ = b.Exec(r.AfterCreate, butFails(b.row(r)))
			remove(b, &doc{ID: 1, A: "p"})
		}, "p", ""},
		"a failed write around one that succeeded": {"p q", func(_ *world, b *txn) {
			r := &doc{ID: 1, A: "q"}
			_ = b.Exec(r.AfterCreate, func() (int64, error) {
				insert(b, &doc{ID: 2, A: "p"})
				return butFails(b.row(r))()
			})
			remove(b, &doc{ID: 3, A: "p", B: "q"})
		}, "p q", ""},

		"a failed write around a record logged without Exec": {"p", func(_ *world, b *txn) {
			_ = b.Exec(func(*runtime.Batch) {}, func() (int64, error) {
				(&doc{ID: 2, A: "p"}).AfterCreate(b.Batch)
				b.set(2, media("p"))
				return 0, errWrite
			})
			remove(b, &doc{ID: 3, A: "p"})
		}, "p", ""},

		"savepoint rolled back": {"p n", func(_ *world, b *txn) {
			s := b.Savepoint()
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = "n" })
			b.rollbackTo(s)
		}, "n p", ""},
		"savepoint rolled back, another change stands": {"p q n", func(_ *world, b *txn) {
			r := &doc{ID: 1, A: "p", B: "q"}
			update(b, r, func(r *doc) { r.B = "" })
			s := b.Savepoint()
			update(b, r, func(r *doc) { r.A = "n" })
			b.rollbackTo(s)
		}, "n p", ""},
		"savepoint released": {"p n", func(_ *world, b *txn) {
			b.Savepoint()
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = "n" })
		}, "n", ""},
		"rolled back twice to the same savepoint": {"p q n", func(_ *world, b *txn) {
			s := b.Savepoint()
			remove(b, &doc{ID: 1, A: "p"})
			b.rollbackTo(s)
			remove(b, &doc{ID: 2, A: "q"})
			b.rollbackTo(s)
			remove(b, &doc{ID: 3, A: "n"})
		}, "p q", ""},
		"inner savepoint released, outer rolled back": {"p q", func(_ *world, b *txn) {
			outer := b.Savepoint()
			remove(b, &doc{ID: 1, A: "p"})
			b.Savepoint()
			remove(b, &doc{ID: 2, A: "q"})
			b.rollbackTo(outer)
		}, "p q", ""},

		"anonymous record: nothing cancels its hold": {"p", func(_ *world, b *txn) {
			r := &doc{A: "p"}
			insert(b, r)
			remove(b, r)
		}, "", "p"},
		"anonymous record: replace": {"p n", func(_ *world, b *txn) {
			update(b, &doc{A: "p"}, func(r *doc) { r.A = "n" })
		}, "n", ""},
		"anonymous records: move and delete": {"p", func(_ *world, b *txn) {
			update(b, &doc{}, func(r *doc) { r.A = "p" })
			remove(b, &doc{A: "p"})
		}, "p", ""},

		"upload is named": {"p", func(w *world, b *txn) {
			name := w.upload("n")
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = name })
		}, "n", ""},
		"upload is named and replaced": {"p", func(w *world, b *txn) {
			r := &doc{ID: 1, A: "p"}
			for _, name := range []string{"m", "n"} {
				name = w.upload(name)
				update(b, r, func(r *doc) { r.A = name })
			}
		}, "n", ""},
		"upload whose record was rolled back to a savepoint": {"p", func(w *world, b *txn) {
			name := w.upload("n")
			s := b.Savepoint()
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = name })
			b.rollbackTo(s)
		}, "p", ""},
		"upload named again after a savepoint": {"p", func(w *world, b *txn) {
			name := w.upload("n")
			s := b.Savepoint()
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = name })
			b.rollbackTo(s)
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.B = name })
		}, "n p", ""},
		"upload that nobody ever held": {"p", func(w *world, _ *txn) {
			w.upload("n")
		}, "p", ""},
		"upload of a write that failed": {"p", func(w *world, b *txn) {
			r := &doc{ID: 1, A: w.upload("n")}
			b.read(1, media("p"))
			_ = b.Exec(func(b *runtime.Batch) { r.BeforeUpdate(b, docFiles{A: "p"}) }, failed)
		}, "p", "n p"},
		"upload of a write that failed, or did not": {"p", func(w *world, b *txn) {
			r := &doc{ID: 1, A: w.upload("n")}
			b.read(1, media("p"))
			_ = b.Exec(func(b *runtime.Batch) { r.BeforeUpdate(b, docFiles{A: "p"}) }, butFails(b.row(r)))
		}, "n", "n p"},

		// What the rows say counts, and not what the methods were told.
		"old is out of date": {"p q n", func(_ *world, b *txn) {
			r := &doc{ID: 1, A: "n"}
			b.read(1, media("q"))
			b.read(2, media("p"))
			_ = b.Exec(func(b *runtime.Batch) { r.BeforeUpdate(b, docFiles{A: "p"}) }, b.row(r))
		}, "n p q", "n q"},
		"a column that is not written": {"p q n", func(_ *world, b *txn) {
			b.read(1, media("p"), media("q"))
			_ = b.Exec(func(b *runtime.Batch) {
				(&doc{ID: 1, A: "n"}).BeforeUpdate(b, docFiles{A: "p", B: "q"})
			}, func() (int64, error) { b.set(1, media("n"), media("q")); return 1, nil })
		}, "n q", "n"},
		"a row that was not written, whatever the answer": {"p", func(_ *world, b *txn) {
			b.read(1, media("p"))
			_ = b.Exec(func(b *runtime.Batch) { (&doc{ID: 1}).AfterDelete(b, docFiles{A: "p"}) }, oneRow)
		}, "p", nothing},
		"a file of two rows": {"p", func(_ *world, b *txn) {
			b.read(2, media("p"))
			remove(b, &doc{ID: 1, A: "p"})
		}, "p", nothing},
	}
	for name, test := range tests {
		for mode, newWorld := range modes {
			t.Run(name+", "+mode, func(t *testing.T) {
				w := newWorld(t, test.files)
				b := w.begin()
				test.story(w, b)
				report := w.commit(b)
				w.discard()
				want := test.left
				if mode == "unchecked" && test.unchecked != "" {
					want = strings.TrimPrefix(test.unchecked, nothing)
				}
				w.wantLeft(want)
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
}

// TestRollback: whatever a batch did, a rollback deletes nothing, and uploads go when
// they are discarded.
func TestRollback(t *testing.T) {
	for mode, newWorld := range modes {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, "p q default.png")
			b := w.begin()
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = w.upload("n") })
			remove(b, &doc{ID: 2, A: "q"})
			w.upload("never held")
			b.Rollback()
			w.wantLeft("default.png n never held p q")
			w.discard()
			w.wantLeft("default.png p q")
			b.Rollback()
			if s := w.clean.Stats(); s.RolledBack != 1 || s.Removed != 2 || s.Open != 0 {
				t.Errorf("counts: %+v", s)
			}
		})
	}
}

// TestRollbackThenCommit: E3 and F5 of django-cleanup's tests. What was rolled
// back does not confuse what follows.
func TestRollbackThenCommit(t *testing.T) {
	for mode, newWorld := range modes {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, "p")
			r := &doc{ID: 1, A: "p"}
			row := *r

			b := w.begin()
			update(b, r, func(r *doc) { r.A = w.upload("m") })
			b.Rollback()
			w.discard()
			w.wantLeft("p")

			*r = row // read again
			b = w.begin()
			update(b, r, func(r *doc) { r.A = w.upload("n") })
			w.commit(b)
			w.discard()
			w.wantLeft("n")
		})
	}
}

func TestUnknownOutcome(t *testing.T) {
	for mode, newWorld := range modes {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, "p q")
			b := w.begin()
			update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = w.upload("n") })
			remove(b, &doc{ID: 2, A: "q"})
			report := w.lose(b)
			if report.Outcome != runtime.Unknown || !errors.Is(report.Err, errLost) {
				t.Errorf("report: %v", report)
			}
			for _, name := range []string{"p", "q"} {
				wantResult(t, report, name, runtime.Kept, runtime.UnknownOutcome)
			}
			b.Rollback()
			w.discard()
			w.wantLeft("n p q")
			if w.rows.questions() > 0 {
				t.Error("the rows were asked, which may change at any time")
			}
			if s := w.clean.Stats(); s.Unknown != 1 || s.RolledBack != 0 {
				t.Errorf("counts: %+v", s)
			}
		})
	}
}

func TestCommitPanics(t *testing.T) {
	w := newWorld(t, "p")
	b := w.begin()
	update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = w.upload("n") })
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = w.clean.Commit(t.Context(), b.Batch, nil, func() error { panic("driver bug") })
	}()
	b.Rollback()
	w.discard()
	w.wantLeft("n p")
	if !strings.Contains(w.logs.String(), "commit panicked") {
		t.Errorf("log:\n%s", w.logs)
	}
	if s := w.clean.Stats(); s.Unknown != 1 || s.RolledBack != 0 {
		t.Errorf("counts: %+v", s)
	}
}

func TestBatchEndsOnce(t *testing.T) {
	w := newWorld(t, "p q")
	b := w.begin()
	remove(b, &doc{ID: 1, A: "p"})
	w.commit(b)

	called := false
	_, err := w.clean.Commit(t.Context(), b.Batch, nil, func() error { called = true; return nil })
	if !errors.Is(err, runtime.ErrEnded) || called {
		t.Errorf("second commit: %v, called: %t", err, called)
	}
	if err := b.Exec(func(*runtime.Batch) {}, oneRow); !errors.Is(err, runtime.ErrEnded) {
		t.Errorf("Exec: %v", err)
	}
	if err := b.RollbackTo(runtime.Savepoint{}); !errors.Is(err, runtime.ErrEnded) {
		t.Errorf("RollbackTo: %v", err)
	}
	(&doc{ID: 2}).BeforeUpdate(b.Batch, docFiles{A: "q"})
	w.wantLeft("q")
}

// TestCommitNeedsItsBatch: that of another cleaner, and none of a function, are mistakes
// after which the transaction can still be rolled back.
func TestCommitNeedsItsBatch(t *testing.T) {
	w, other := newWorld(t, "p"), newWorld(t, "")
	b := w.begin()
	remove(b, &doc{ID: 1, A: "p"})
	called := false
	if _, err := other.clean.Commit(t.Context(), b.Batch, nil, func() error { called = true; return nil }); !errors.Is(err, runtime.ErrEnded) || called {
		t.Errorf("by another cleaner: %v, called: %t", err, called)
	}
	if _, err := w.clean.Commit(t.Context(), b.Batch, nil, nil); err == nil {
		t.Error("without a function it was committed")
	}
	w.commit(b)
	w.wantLeft("")
}

// TestSavepointOfNobody: the journal is out of step with the transaction. The rows know
// better; without them everything stays.
func TestSavepointOfNobody(t *testing.T) {
	for mode, newWorld := range modes {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, "p q")
			other := w.begin().Savepoint()
			b := w.begin()
			b.Savepoint()
			remove(b, &doc{ID: 1, A: "p"})
			b.read(2, media("q"))
			(&doc{ID: 2, A: "q"}).AfterDelete(b.Batch, docFiles{A: "q"}) // rolled back
			if err := b.RollbackTo(other); !errors.Is(err, runtime.ErrSavepoint) {
				t.Errorf("RollbackTo: %v", err)
			}
			report := w.commit(b)
			if mode == "unchecked" {
				wantResult(t, report, "p", runtime.Kept, runtime.LostTrack)
				wantResult(t, report, "q", runtime.Kept, runtime.LostTrack)
				return
			}
			wantResult(t, report, "p", runtime.Removed, "")
			wantResult(t, report, "q", runtime.Kept, runtime.StillInUse)
		})
	}
}

func TestSavepointMadeAfterIsGone(t *testing.T) {
	w := newWorld(t, "")
	b := w.begin()
	outer := b.Savepoint()
	inner := b.Savepoint()
	b.rollbackTo(outer)
	b.Savepoint()
	if err := b.RollbackTo(inner); !errors.Is(err, runtime.ErrSavepoint) {
		t.Errorf("RollbackTo: %v", err)
	}
}

// TestExecCallsHookOnce, before the write: a key that the database makes need not be
// known.
func TestExecCallsHookOnce(t *testing.T) {
	for mode, newWorld := range modes {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, "p")
			b := w.begin()
			r, calls, written := &doc{A: "p"}, 0, false
			err := b.Exec(func(b *runtime.Batch) {
				if calls++; written {
					t.Error("the hook was called after the write")
				}
				r.AfterCreate(b)
			}, func() (int64, error) {
				written, r.ID = true, 7
				return b.row(r)()
			})
			if err != nil || calls != 1 || !written {
				t.Errorf("%v, %d calls", err, calls)
			}
			remove(b, r)
			w.commit(b)
			// By what it was told, the row without a key goes on naming it.
			w.wantLeft(map[string]string{"asked": "", "unchecked": "p"}[mode])
		})
	}
}

func TestExecPanics(t *testing.T) {
	for name, exec := range map[string]func(b *txn, r *doc){
		"in the write": func(b *txn, r *doc) {
			_ = b.Exec(func(b *runtime.Batch) { r.AfterDelete(b, r.FileSnapshot()) }, func() (int64, error) { panic("driver") })
		},
		"in the hook": func(b *txn, r *doc) {
			_ = b.Exec(func(b *runtime.Batch) { r.AfterDelete(b, r.FileSnapshot()); panic("hook") }, oneRow)
		},
	} {
		for mode, newWorld := range modes {
			t.Run(name+", "+mode, func(t *testing.T) {
				w := newWorld(t, "p q")
				b := w.begin()
				b.read(1, media("p"))
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
}

func TestExecError(t *testing.T) {
	b := newWorld(t, "").begin()
	if err := b.Exec(func(*runtime.Batch) {}, failed); !errors.Is(err, errWrite) {
		t.Errorf("error %v, want the write's", err)
	}
}

// TestReport says why a file was kept.
func TestReport(t *testing.T) {
	for mode, newWorld := range modes {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, "p q r s default.png")
			b := w.begin()
			one := &doc{ID: 1, A: "p", B: "q"}
			update(b, one, func(r *doc) { r.A, r.B = "q", "" })
			remove(b, &doc{ID: 2, A: "default.png", B: "gone", Gallery: []string{"../etc/passwd", "/abs"}})
			remove(b, &doc{ID: 3, A: "r"})
			update(b, &doc{ID: 4}, func(d *doc) { d.B = "r" })
			remove(b, &doc{ID: 5, A: "s"})
			b.read(6, media("s"))
			_ = b.Exec(func(b *runtime.Batch) { (&doc{ID: 6, A: "s"}).BeforeUpdate(b, docFiles{A: "s"}) }, noRow)
			w.upload("u")
			report := w.commit(b)

			byMemory, unsure := runtime.StillNamed, runtime.NoRowChanged
			if mode == "asked" {
				byMemory, unsure = runtime.StillInUse, runtime.StillInUse
			}
			wantResult(t, report, "p", runtime.Removed, "")
			wantResult(t, report, "default.png", runtime.Kept, runtime.IsDefault)
			wantResult(t, report, "gone", runtime.Missing, "")
			wantResult(t, report, "../etc/passwd", runtime.Kept, runtime.UnsafeName)
			wantResult(t, report, "/abs", runtime.Kept, runtime.UnsafeName)
			wantResult(t, report, "r", runtime.Kept, byMemory)
			wantResult(t, report, "s", runtime.Kept, unsure)
			if _, ok := report.Of(media("q")); ok {
				t.Error("q moved within its record, and is in the report")
			}
			if _, ok := report.Of(media("u")); ok {
				t.Error("an upload is in the report")
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
			w.wantLeft("default.png q r s u")
		})
	}
}

// TestQuestions: the rows are asked once for a batch that lets go of files, and not for
// others.
func TestQuestions(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(w *world, b *txn)
		want int
	}{
		"nothing":      {func(*world, *txn) {}, 0},
		"an insert":    {func(_ *world, b *txn) { insert(b, &doc{ID: 2, A: "new"}) }, 0},
		"no change":    {func(_ *world, b *txn) { update(b, &doc{ID: 1, A: "p", B: "q"}, func(*doc) {}) }, 0},
		"moved inside": {func(_ *world, b *txn) { update(b, &doc{ID: 1, A: "p", B: "q"}, func(r *doc) { r.A, r.B = r.B, r.A }) }, 0},
		"a default":    {func(_ *world, b *txn) { remove(b, &doc{ID: 1, A: "default.png"}) }, 0},
		"two files":    {func(_ *world, b *txn) { remove(b, &doc{ID: 1, A: "p", B: "q"}) }, 1},
		"a rollback": {func(_ *world, b *txn) {
			remove(b, &doc{ID: 1, A: "p", B: "q"})
			b.Rollback()
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "p q")
			b := w.begin()
			test.do(w, b)
			_, _ = w.tryCommit(b)
			if n := w.rows.questions(); n != test.want {
				t.Errorf("the rows were asked %d times, want %d", n, test.want)
			}
		})
	}
}
