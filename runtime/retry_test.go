package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
)

var errDown = errors.New("503 slow down")

// retrying is what the tests of this file give; time is synctest's.
func retrying(attempts int) runtime.Option {
	return runtime.WithRetry(runtime.Retry{Attempts: attempts, First: time.Second, Longest: time.Minute})
}

// TestRetry: a deletion that fails for a while is pending, and succeeds in the
// end, which the observer and the counters are told.
func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events []string
		failures := 3
		w, _ := newFaultyWorld(t, "p q", func(name string) error {
			if failures--; name == "p" && failures >= 0 {
				return errDown
			}
			return nil
		}, retrying(5), runtime.WithObserver(runtime.Observer{
			Before: func(_ context.Context, e runtime.Event) error {
				events = append(events, "before "+e.Ref.Name)
				return nil
			},
			After: func(_ context.Context, e runtime.Event) {
				events = append(events, fmt.Sprint("after ", e.Ref.Name, " ", e.Status, " ", e.Err))
			},
		}))
		b := w.clean.Begin()
		remove(b, &doc{ID: 1, A: "p", B: "q"})
		report := w.commit(b)
		wantResult(t, report, "p", runtime.Pending, "")
		wantResult(t, report, "q", runtime.Removed, "")
		if got, _ := report.Of(media("p")); !errors.Is(got.Err, errDown) {
			t.Errorf("error: %v", got.Err)
		}
		if n := w.clean.Stats().Waiting; n != 1 {
			t.Errorf("%d files wait, want 1", n)
		}
		synctest.Wait() // the others are on their way only when time passes
		w.wantLeft("p")
		time.Sleep(time.Hour)
		synctest.Wait()
		w.wantLeft("")
		want := "before p, before q, after q removed <nil>, before p, before p, after p removed <nil>"
		if got := strings.Join(events, ", "); got != want {
			t.Errorf("events: %s\nwant:   %s", got, want)
		}
		s := w.clean.Stats()
		if s.Waiting != 0 || s.Pending != 1 || s.Removed != 2 || s.Failed != 0 || s.Retried != 2 {
			t.Errorf("counts: %+v", s)
		}
		wantResult(t, report, "p", runtime.Pending, "") // the report is the user's
	})
}

// TestRetryEnds: after the last attempt the observer and the log are told
// everything that is needed to delete the file by hand.
func TestRetryEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failed []runtime.Event
		w, storage := newFaultyWorld(t, "p", func(string) error { return errDown },
			retrying(4), runtime.WithObserver(runtime.Observer{After: func(_ context.Context, e runtime.Event) { failed = append(failed, e) }}))
		b := w.clean.Begin()
		remove(b, &doc{ID: 7, A: "p"})
		w.commit(b)
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := strings.Count(strings.Join(storage.calls, ","), "stat p"); n != 4 {
			t.Errorf("%d attempts, want 4", n)
		}
		if len(failed) != 1 || failed[0].Status != runtime.Failed || !errors.Is(failed[0].Err, errDown) || failed[0].Key != runtime.IntKey(7) {
			t.Errorf("events: %+v", failed)
		}
		lines := errorLines(w)
		if len(lines) != 1 {
			t.Fatalf("error lines: %q\n%s", lines, w.logs)
		}
		for _, want := range []string{"storage=media", "name=p", "field=models.Doc.A", "key=7", "reason=deleted", "attempts=4", "503 slow down"} {
			if !strings.Contains(lines[0], want) {
				t.Errorf("log lacks %s: %s", want, lines[0])
			}
		}
		if s := w.clean.Stats(); s.Failed != 1 || s.Waiting != 0 {
			t.Errorf("counts: %+v", s)
		}
	})
}

// TestNoRetry: what can't pass is not tried again.
func TestNoRetry(t *testing.T) {
	for name, err := range map[string]error{"unsupported": errors.ErrUnsupported, "invalid": fs.ErrInvalid} {
		t.Run(name, func(t *testing.T) {
			w, _ := newFaultyWorld(t, "p", func(string) error { return fmt.Errorf("storage: %w", err) }, retrying(5))
			b := w.clean.Begin()
			remove(b, &doc{ID: 1, A: "p"})
			wantResult(t, w.commit(b), "p", runtime.Failed, "")
		})
	}
}

// TestTakenUpWhileWaiting: a file whose deletion failed is in a row again before
// the next attempt.
func TestTakenUpWhileWaiting(t *testing.T) {
	takers := map[string]func(w *world){
		"committed": func(w *world) {
			b := w.clean.Begin()
			insert(b, &doc{ID: 2, A: "p"})
			w.commit(b)
		},
		"without Exec": func(w *world) {
			b := w.clean.Begin()
			(&doc{ID: 2, A: "p"}).AfterCreate(b)
			w.commit(b)
		},
		"still open": func(w *world) {
			b := w.clean.Begin()
			insert(b, &doc{ID: 2, A: "p"})
			w.t.Cleanup(func() { b.Rollback() })
		},
		"unknown": func(w *world) {
			b := w.clean.Begin()
			insert(b, &doc{ID: 2, A: "p"})
			_, _ = b.CommitWith(context.Background(), func() error { return errors.New("connection lost") })
		},
	}
	for name, take := range takers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				down := true
				var after []runtime.Event
				w, _ := newFaultyWorld(t, "p", func(string) error {
					if down {
						return errDown
					}
					return nil
				}, retrying(5), runtime.WithObserver(runtime.Observer{After: func(_ context.Context, e runtime.Event) { after = append(after, e) }}))
				b := w.clean.Begin()
				remove(b, &doc{ID: 1, A: "p"})
				w.commit(b)
				take(w)
				synctest.Wait()
				down = false
				time.Sleep(time.Hour)
				synctest.Wait()
				w.wantLeft("p")
				if len(after) != 1 || after[0].Status != runtime.Kept || after[0].Cause != runtime.UsedElsewhere {
					t.Errorf("events: %+v", after)
				}
			})
		})
	}
}

// TestCheckedAgain: a row of another program names the file by the time of the
// second attempt.
func TestCheckedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		w, _ := newFaultyWorld(t, "p", func(string) error { return errDown }, retrying(5),
			runtime.WithReferences(runtime.ReferencesFunc(func(_ context.Context, refs []runtime.Ref) ([]runtime.Ref, error) {
				if asked++; asked == 1 {
					return nil, nil
				}
				return refs, nil
			})))
		b := w.clean.Begin()
		remove(b, &doc{ID: 1, A: "p"})
		w.commit(b)
		time.Sleep(time.Hour)
		synctest.Wait()
		if s := w.clean.Stats(); asked != 2 || s.Kept != 1 {
			t.Errorf("asked %d times; counts: %+v", asked, s)
		}
	})
}

// TestReleasedAgain: a name that was taken up while its deletion was waiting is
// let go of again, by a batch that decides for itself.
func TestReleasedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		w, _ := newFaultyWorld(t, "p", func(string) error {
			if down {
				return errDown
			}
			return nil
		}, retrying(5))
		b := w.clean.Begin()
		remove(b, &doc{ID: 1, A: "p"})
		w.commit(b)
		b = w.clean.Begin()
		insert(b, &doc{ID: 2, A: "p"})
		w.commit(b)
		down = false
		b = w.clean.Begin()
		remove(b, &doc{ID: 2, A: "p"})
		wantResult(t, w.commit(b), "p", runtime.Removed, "")
		time.Sleep(time.Hour)
		synctest.Wait()
		if s := w.clean.Stats(); s.Waiting != 0 {
			t.Errorf("counts: %+v", s)
		}
	})
}

// TestTimeout: what there was no time for goes in the background.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := newFaultyWorld(t, "a b c", func(string) error { time.Sleep(40 * time.Second); return nil }, retrying(5))
		b := w.clean.Begin()
		remove(b, &doc{ID: 1, Gallery: []string{"a", "b", "c"}})
		begun := time.Now()
		report := w.commit(b)
		if took := time.Since(begun); took != 80*time.Second {
			t.Errorf("the commit took %v", took)
		}
		if report.Count(runtime.Removed) != 2 || report.Count(runtime.Pending) != 1 {
			t.Errorf("report: %v", report)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		w.wantLeft("")
	})
}

// TestHangs: a storage that does not answer about one file holds up neither the commit
// nor other files, however often it is asked.
func TestHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		w := newWorld(t, "a b c d e")
		w = w.with(runtime.WithStorage("media", &hangingFs{w.files, answer}), retrying(20), runtime.WithWorkers(1))
		b := w.clean.Begin()
		remove(b, &doc{ID: 1, Gallery: []string{"a", "b", "c"}})
		begun := time.Now()
		report := w.commit(b)
		if took := time.Since(begun); took != 2*time.Minute {
			t.Errorf("the commit took %v", took)
		}
		wantResult(t, report, "b", runtime.Pending, "")
		if r, _ := report.Of(media("b")); !errors.Is(r.Err, runtime.ErrHangs) {
			t.Error(r.Err)
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		b = w.clean.Begin()
		remove(b, &doc{ID: 2, A: "d"})
		wantResult(t, w.commit(b), "d", runtime.Removed, "")
		w.wantLeft("b e")
		b = w.clean.Begin()
		if err := b.Exec((&doc{ID: 3, A: "b"}).AfterCreate, func() (int64, error) { return 1, nil }); !errors.Is(err, runtime.ErrGone) {
			t.Errorf("a file can be named whose deletion is under way: %v", err)
		}
		b.Rollback()
		close(answer)
		synctest.Wait()
		w.wantLeft("e")
	})
}

// hangingFs does not answer when b is to be removed.
type hangingFs struct {
	afero.Fs
	answer chan struct{}
}

func (h *hangingFs) Remove(name string) error {
	if name == "b" {
		<-h.answer
	}
	return h.Fs.Remove(name)
}

// TestClose: what waits for another attempt gets it at once, and Close tells
// what is left.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := map[string]int{}
		w, _ := newFaultyWorld(t, "a b c d", func(name string) error {
			if attempts[name]++; name == "a" && attempts[name] > 1 || name == "d" {
				return nil
			}
			return errDown
		}, retrying(5))
		b := w.clean.Begin()
		remove(b, &doc{ID: 1, A: "c", Gallery: []string{"a", "b"}})
		w.commit(b)
		begun := time.Now()
		err := w.clean.Close(t.Context())
		if time.Since(begun) != 0 {
			t.Errorf("Close waited %v", time.Since(begun))
		}
		var unfinished *runtime.UnfinishedError
		if !errors.As(err, &unfinished) || fmt.Sprint(unfinished.Files) != "[media:b media:c]" {
			t.Errorf("Close: %v", err)
		}
		w.wantLeft("b c d")

		b = w.clean.Begin() // after Close
		remove(b, &doc{ID: 2, A: "d"})
		wantResult(t, w.commit(b), "d", runtime.Removed, "")
		b = w.clean.Begin()
		remove(b, &doc{ID: 2, A: "b"})
		wantResult(t, w.commit(b), "b", runtime.Failed, "")
	})
}

// TestCloseWaits for a batch that is deleting, as long as its context allows.
func TestCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := newFaultyWorld(t, "a", func(string) error { time.Sleep(10 * time.Second); return nil })
		b := w.clean.Begin()
		remove(b, &doc{ID: 1, A: "a"})
		go w.commit(b)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		err := w.clean.Close(ctx)
		var unfinished *runtime.UnfinishedError
		if !errors.As(err, &unfinished) || !errors.Is(err, context.DeadlineExceeded) || fmt.Sprint(unfinished.Files) != "[media:a]" {
			t.Errorf("Close: %v", err)
		}
		begun := time.Now()
		if err := w.clean.Close(t.Context()); err != nil {
			t.Errorf("second Close: %v", err)
		}
		if time.Since(begun) != 7*time.Second {
			t.Errorf("Close waited %v", time.Since(begun))
		}
	})
}

// TestCloseDuringOutage: with no time left, nothing more is tried.
func TestCloseDuringOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		w, _ := newFaultyWorld(t, "", func(string) error { calls.Add(1); time.Sleep(time.Second); return errDown }, retrying(5))
		var names []string
		for i := range 100 {
			names = append(names, fmt.Sprintf("f%02d", i))
			w.write(names[i])
		}
		b := w.clean.Begin()
		remove(b, &doc{ID: 1, Gallery: names})
		w.commit(b)
		calls.Store(0)
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		err := w.clean.Close(ctx)
		var unfinished *runtime.UnfinishedError
		if !errors.As(err, &unfinished) || len(unfinished.Files) != 100 || !strings.Contains(err.Error(), "(100 in all)") {
			t.Errorf("Close: %v", err)
		}
		synctest.Wait()
		time.Sleep(time.Hour)
		if n := calls.Load(); n == 0 || n > 25 { // the portion that is under way goes on
			t.Errorf("%d calls", n)
		}
	})
}

// TestRetryOfDerived: a derived file waits for its file.
func TestRetryOfDerived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failures := map[string]int{"p": 1, "thumbs/p": 3}
		w, _ := newFaultyWorld(t, "p thumbs/p", func(name string) error {
			if failures[name]--; failures[name] >= 0 {
				return errDown
			}
			return nil
		}, retrying(9), runtime.WithTypes(thumbType))
		b := w.clean.Begin()
		log := b.Deleted(thumbType, runtime.IntKey(1))
		log.Release(0, "p")
		report := w.commit(b)
		wantResult(t, report, "p", runtime.Pending, "")
		wantResult(t, report, "thumbs/p", runtime.Pending, "")
		time.Sleep(time.Hour)
		synctest.Wait()
		w.wantLeft("")
	})
}

var thumbType = &runtime.Type{Name: "test.thumb", Fields: []runtime.Field{{Path: "A", Storage: "media", Derived: []string{"thumbs/{name}"}}}}

// TestDerivedOfWhatFails stays with its file.
func TestDerivedOfWhatFails(t *testing.T) {
	w, _ := newFaultyWorld(t, "p thumbs/p", func(string) error { return errDown }, runtime.WithTypes(thumbType))
	b := w.clean.Begin()
	log := b.Deleted(thumbType, runtime.IntKey(1))
	log.Release(0, "p")
	report := w.commit(b)
	wantResult(t, report, "p", runtime.Failed, "")
	wantResult(t, report, "thumbs/p", runtime.Kept, runtime.FileKept)
}
