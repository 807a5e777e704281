package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
			Before: func(_ context.Context, e runtime.Result) error {
				events = append(events, "before "+e.Ref.Name)
				return nil
			},
			After: func(_ context.Context, e runtime.Result) {
				events = append(events, fmt.Sprint("after ", e.Ref.Name, " ", e.Status, " ", e.Err))
			},
		}))
		b := w.begin()
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
		var failed []runtime.Result
		w, storage := newFaultyWorld(t, "p", func(string) error { return errDown },
			retrying(4), runtime.WithObserver(runtime.Observer{After: func(_ context.Context, e runtime.Result) { failed = append(failed, e) }}))
		b := w.begin()
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

// TestTakenUpWhileWaiting: a file whose deletion failed is in a row again before
// the next attempt.
func TestTakenUpWhileWaiting(t *testing.T) {
	takers := map[string]func(w *world){
		"committed": func(w *world) {
			b := w.begin()
			insert(b, &doc{ID: 2, A: "p"})
			w.commit(b)
		},
		"without Exec": func(w *world) {
			b := w.begin()
			(&doc{ID: 2, A: "p"}).AfterCreate(b.Batch)
			b.set(2, media("p"))
			w.commit(b)
		},
		"still open": func(w *world) {
			b := w.begin()
			insert(b, &doc{ID: 2, A: "p"})
			w.t.Cleanup(func() { b.Rollback() })
		},
		"unknown": func(w *world) {
			b := w.begin()
			insert(b, &doc{ID: 2, A: "p"})
			w.lose(b)
		},
	}
	for name, take := range takers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				down := true
				var after []runtime.Result
				// Memory is enough, as long as the process lives.
				w := newUnchecked(t, "p")
				w.with(runtime.WithStorage("media", &faulty{Fs: w.files, remove: func(string) error {
					if down {
						return errDown
					}
					return nil
				}}), retrying(5), runtime.WithObserver(runtime.Observer{After: func(_ context.Context, e runtime.Result) { after = append(after, e) }}))
				b := w.begin()
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
		w := newAsking(t, func(_ context.Context, refs []runtime.Ref) ([]runtime.Ref, error) {
			if asked++; asked == 1 {
				return nil, nil
			}
			return refs, nil
		}, "p")
		w.with(runtime.WithStorage("media", &faulty{Fs: w.files, remove: func(string) error { return errDown }}), retrying(5))
		b := w.begin()
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
		b := w.begin()
		remove(b, &doc{ID: 1, A: "p"})
		w.commit(b)
		b = w.begin()
		insert(b, &doc{ID: 2, A: "p"})
		w.commit(b)
		down = false
		b = w.begin()
		remove(b, &doc{ID: 2, A: "p"})
		wantResult(t, w.commit(b), "p", runtime.Removed, "")
		time.Sleep(time.Hour)
		synctest.Wait()
		if s := w.clean.Stats(); s.Waiting != 0 {
			t.Errorf("counts: %+v", s)
		}
	})
}

// TestHangs: a storage that does not answer about one file holds up neither the commit
// nor other files, however often it is asked.
func TestHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		w := newWorld(t, "a b c d e")
		w = w.with(runtime.WithStorage("media", &hangingFs{w.files, answer}), retrying(20), runtime.WithWorkers(1))
		b := w.begin()
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
		b = w.begin()
		remove(b, &doc{ID: 2, A: "d"})
		wantResult(t, w.commit(b), "d", runtime.Removed, "")
		w.wantLeft("b e")
		b = w.begin()
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
		b := w.begin()
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

		b = w.begin() // after Close
		remove(b, &doc{ID: 2, A: "d"})
		wantResult(t, w.commit(b), "d", runtime.Removed, "")
		b = w.begin()
		remove(b, &doc{ID: 2, A: "b"})
		wantResult(t, w.commit(b), "b", runtime.Failed, "")
	})
}

// TestCloseWaits for a batch that is deleting, as long as its context allows.
func TestCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := newFaultyWorld(t, "a", func(string) error { time.Sleep(10 * time.Second); return nil })
		b := w.begin()
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

func TestUnfinishedError(t *testing.T) {
	e := &runtime.UnfinishedError{Err: context.DeadlineExceeded}
	for i := range 12 {
		e.Files = append(e.Files, media(fmt.Sprint("f", i)))
	}
	text := e.Error()
	if !strings.Contains(text, "media:f0, media:f1,") || !strings.HasSuffix(text, "media:f9, … (12 in all) (context deadline exceeded)") {
		t.Error(text)
	}
	if !errors.Is(e, context.DeadlineExceeded) {
		t.Error("it does not wrap why")
	}
}
