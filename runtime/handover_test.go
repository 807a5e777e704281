package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
)

// intents is what an outbox does for uploads.
type intents struct {
	taken     string // a name that is spoken for
	err       error
	made      []string
	complete  []string
	cancelled []string
	unwanted  []string
}

func (in *intents) functions() runtime.Intents {
	return runtime.Intents{
		Note: func(_ context.Context, ref runtime.Ref) (*runtime.Intent, error) {
			if in.err != nil || ref.Name == in.taken {
				return nil, in.err
			}
			in.made = append(in.made, ref.Name)
			return &runtime.Intent{Ref: ref, ID: ref.Name + "'s", Until: time.Now().Add(time.Hour)}, nil
		},
		Complete: func(_ context.Context, i *runtime.Intent) error {
			in.complete = append(in.complete, i.ID)
			return in.err
		},
		Cancel: func(_ context.Context, i *runtime.Intent) error {
			in.cancelled = append(in.cancelled, i.ID)
			return in.err
		},
		Discard: func(_ context.Context, all []*runtime.Intent) error {
			for _, i := range all {
				in.unwanted = append(in.unwanted, i.ID)
			}
			return in.err
		},
	}
}

// attached makes a world whose cleaner has an outbox.
func attached(tb testing.TB, in *intents, files string) *world {
	tb.Helper()
	w := newWorld(tb, files)
	if err := w.clean.AttachOutbox(in.functions()); err != nil {
		tb.Fatal(err)
	}
	return w
}

// handOver hands a batch over and says what was in it.
func handOver(t *testing.T, b *runtime.Batch, commit func() error) (string, *runtime.Report) {
	t.Helper()
	var text strings.Builder
	report, err := b.HandOver(t.Context(), func(h *runtime.Handover) error {
		fmt.Fprintf(&text, "takes %s releases [", names(h.Takes))
		for i, f := range h.Releases {
			text.WriteString([]string{"", " "}[min(i, 1)] + f.Ref.Name)
		}
		text.WriteString("]")
		return nil
	}, commit)
	if err != nil {
		t.Fatal(err)
	}
	return text.String(), report
}

func names(refs []runtime.Ref) string {
	var all []string
	for _, r := range refs {
		all = append(all, r.Name)
	}
	return fmt.Sprint(all)
}

func TestHandOver(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(w *world, b *runtime.Batch)
		want string
	}{
		"update": {
			func(_ *world, b *runtime.Batch) { update(b, &doc{A: "p"}, func(r *doc) { r.A = "q" }) },
			"takes [q] releases [p]",
		},
		"unchanged": {
			func(_ *world, b *runtime.Batch) { update(b, &doc{A: "p", B: "r"}, func(r *doc) { r.A = "q" }) },
			"takes [q r] releases [p]",
		},
		"unchanged, of a row that is locked": {
			func(_ *world, b *runtime.Batch) {
				b.Locked(func(b *runtime.Batch) { update(b, &doc{A: "p", B: "r"}, func(r *doc) { r.A = "q" }) })
			},
			"takes [q] releases [p]",
		},
		"moved in a row that is locked": {
			func(_ *world, b *runtime.Batch) {
				b.Locked(func(b *runtime.Batch) { update(b, &doc{A: "p", B: "q"}, func(r *doc) { r.A, r.B = r.B, r.A }) })
			},
			"takes [] releases []",
		},
		"moved": {
			func(_ *world, b *runtime.Batch) {
				update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = "" })
				insert(b, &doc{ID: 2, B: "p"})
			},
			"takes [p] releases [p]",
		},
		"default": {
			func(_ *world, b *runtime.Batch) {
				remove(b, &doc{A: "default.png", B: "p"})
				insert(b, &doc{A: "default.png"})
			},
			"takes [] releases [p]",
		},
		"write that may have hit no row": {
			func(_ *world, b *runtime.Batch) {
				_ = b.Exec((&doc{A: "p"}).AfterCreate, failed)
				remove(b, &doc{ID: 2, A: "p"})
			},
			"takes [p] releases [p]",
		},
		"superseded in the same transaction": {
			func(_ *world, b *runtime.Batch) {
				r := &doc{ID: 1, A: "p"}
				insert(b, r)
				update(b, r, func(r *doc) { r.A = "q" })
			},
			"takes [p q] releases [p]",
		},
		"uploads": {
			func(w *world, b *runtime.Batch) {
				insert(b, &doc{ID: 1, A: w.upload(b, "named")})
				w.upload(b, "never")
				s := b.Savepoint()
				insert(b, &doc{ID: 2, A: w.upload(b, "cut")})
				_ = b.RollbackTo(s)
			},
			"takes [named] releases [never cut]",
		},
		"lost track": {
			func(w *world, b *runtime.Batch) {
				first, second := b.Savepoint(), b.Savepoint()
				_ = b.RollbackTo(first)
				insert(b, &doc{ID: 1, A: w.upload(b, "up")})
				update(b, &doc{ID: 2, A: "p"}, func(r *doc) { r.A = "q" })
				_ = b.RollbackTo(second)
			},
			"takes [up q] releases [p]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := attached(t, &intents{}, "p q")
			b := w.clean.Begin()
			c.do(w, b)
			before := w.left()
			got, report := handOver(t, b, nil)
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if report.Outcome != runtime.HandedOver {
				t.Error(report)
			}
			b.Rollback()
			w.wantLeft(before)
		})
	}
}

func TestHandOverCommits(t *testing.T) {
	w := attached(t, &intents{}, "p")
	failure := errors.New("connection lost")
	for _, want := range []error{nil, failure} {
		b := w.clean.Begin()
		remove(b, &doc{A: "p", B: "default.png"})
		report, err := b.HandOver(t.Context(), func(*runtime.Handover) error { return nil }, func() error { return want })
		if !errors.Is(err, want) || (report.Outcome == runtime.Committed) != (want == nil) {
			t.Errorf("%v, %v", report, err)
		}
		wantResult(t, report, "p", runtime.Pending, "")
	}
	w.wantLeft("p")
	if s := w.clean.Stats(); s.Committed != 1 || s.Unknown != 1 || s.Waiting != 0 {
		t.Errorf("%+v", s)
	}
}

// After a transaction that the outbox could not write to, a rollback leaves
// uploads to their intents: perhaps the caller commits.
func TestHandOverFails(t *testing.T) {
	w := attached(t, &intents{}, "")
	b := w.clean.Begin()
	insert(b, &doc{A: w.upload(b, "p")})
	failure := errors.New("syntax error")
	commit := func() error { t.Error("committed"); return nil }
	if _, err := b.HandOver(t.Context(), func(*runtime.Handover) error { return failure }, commit); !errors.Is(err, failure) {
		t.Error(err)
	}
	wantResult(t, b.Rollback(), "p", runtime.Kept, runtime.LeftToOutbox)
	w.wantLeft("p")
}

func TestOutboxOrNot(t *testing.T) {
	with, without := attached(t, &intents{}, ""), newWorld(t, "")
	if _, err := with.clean.Begin().CommitWith(t.Context(), func() error { return nil }); !errors.Is(err, runtime.ErrOutbox) {
		t.Error(err)
	}
	if _, err := without.clean.Begin().HandOver(t.Context(), nil, nil); !errors.Is(err, runtime.ErrOutbox) {
		t.Error(err)
	}
	for text, err := range map[string]error{
		"needs all functions": newWorld(t, "").clean.AttachOutbox(runtime.Intents{}),
		"has an outbox":       with.clean.AttachOutbox((&intents{}).functions()),
		"opened batches":      without.clean.AttachOutbox((&intents{}).functions()),
	} {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestIntents(t *testing.T) {
	in := &intents{taken: "p"}
	w := attached(t, in, "")
	b := w.clean.Begin()
	if name := w.upload(b, "p"); name == "p" || len(in.made) != 1 || in.made[0] != name {
		t.Errorf("uploaded as %s, intents %v", name, in.made)
	}
	in.err = errors.New("no connection")
	if _, err := b.Create(t.Context(), "media", "q"); !errors.Is(err, in.err) || len(in.made) != 1 {
		t.Error(err)
	}
}

// What is rolled back is for the outbox to delete, since it knows whether another
// transaction has come to name it; if it can't be told, when its time is over.
func TestRollbackWithOutbox(t *testing.T) {
	for _, failure := range []error{nil, errors.New("no connection")} {
		in := &intents{}
		w := attached(t, in, "")
		b := w.clean.Begin()
		w.upload(b, "p")
		w.upload(b, "q")
		in.err = failure
		status, cause := runtime.Pending, runtime.Cause("")
		if failure != nil {
			status, cause = runtime.Kept, runtime.LeftToOutbox
		}
		report := b.Rollback()
		wantResult(t, report, "p", status, cause)
		wantResult(t, report, "q", status, cause)
		if r, _ := report.Of(media("p")); !errors.Is(r.Err, failure) || report.Outcome != runtime.RolledBack {
			t.Errorf("%v, %s", r.Err, report)
		}
		if got := strings.Join(in.unwanted, " "); got != "p's q's" {
			t.Errorf("unwanted: %s", got)
		}
		w.wantLeft("p q")
		if s := w.clean.Stats(); s.Waiting != 0 || s.RolledBack != 1 {
			t.Errorf("%+v", s)
		}
	}
}

type stuckFs struct{ afero.Fs }

func (stuckFs) Remove(string) error { return errors.New("device busy") }

// An upload of no batch is left to its intent.
func TestCleanerCreate(t *testing.T) {
	in := &intents{taken: "p"}
	w := attached(t, in, "q")
	for _, name := range []string{"p", "q", "r"} {
		u, err := w.clean.Create(t.Context(), "media", name)
		if err != nil {
			t.Fatal(err)
		}
		if (u.Name() == name) != (name == "r") {
			t.Errorf("%s became %s", name, u.Name())
		}
		if _, err := u.Write([]byte("x")); err != nil {
			t.Error(err)
		}
		if err := u.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(in.made) != 3 || len(in.complete) != 3 || len(strings.Fields(w.left())) != 4 {
		t.Errorf("intents %v, complete %v, files %s", in.made, in.complete, w.left())
	}
}

func TestDelete(t *testing.T) {
	mem := afero.NewMemMapFs()
	var w *world
	w = newWorld(t, "p used default.png", runtime.WithStorage("stuck", stuckFs{mem}), runtime.WithObserver(runtime.Observer{
		Before: func(_ context.Context, e runtime.Event) error {
			if e.Ref == media("used") {
				insert(w.clean.Begin(), &doc{A: "used"})
			}
			return nil
		},
	}))
	if err := afero.WriteFile(mem, "p", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var files []runtime.Result
	for _, ref := range []runtime.Ref{media("p"), media("gone"), media("used"), media("default.png"), media("../p"), {Storage: "stuck", Name: "p"}, {Storage: "other", Name: "p"}} {
		files = append(files, runtime.Result{Ref: ref, Reason: runtime.Unused})
	}
	for _, last := range []bool{false, true} {
		var got []string
		for _, f := range w.clean.Delete(t.Context(), files, func(runtime.Result) bool { return last }) {
			got = append(got, strings.TrimSpace(f.Ref.String()+" "+string(f.Status)+" "+string(f.Cause)))
		}
		first, final := "removed", "pending"
		if last {
			first, final = "missing", "failed"
		}
		want := []string{
			"media:p " + first, "media:gone missing", "media:used kept " + string(runtime.UsedElsewhere),
			"media:default.png kept " + string(runtime.IsDefault), "media:../p kept " + string(runtime.UnsafeName),
			"stuck:p " + final, "other:p failed",
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	w.wantLeft("default.png used")
	if s := w.clean.Stats(); s.Waiting != 0 || s.Retried != 0 {
		t.Errorf("%+v", s)
	}
}
