package runtime_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
)

// fakeOutbox is an outbox that only writes down what it is told.
type fakeOutbox struct {
	promised  []string
	refuse    map[string]bool // releases that can't be promised
	taken     string          // a name that is spoken for
	life      time.Duration   // of uploads
	err       error
	made      []string
	completed []string
	cancelled []string
	discarded []string
}

func (o *fakeOutbox) Promise(_ context.Context, tx runtime.Tx, p *runtime.Promise) error {
	if tx != (fakeTx{}) {
		return errors.New("that is not the transaction")
	}
	var releases []string
	for _, f := range p.Releases {
		if releases = append(releases, f.Ref.Name); o.refuse[f.Ref.Name] {
			f.Status, f.Err = runtime.Kept, errors.New("name too long")
		}
	}
	var takes []string
	for _, ref := range p.Takes {
		takes = append(takes, ref.Name)
	}
	o.promised = append(o.promised, fmt.Sprintf("takes %v releases %v", takes, releases))
	return o.err
}

func (o *fakeOutbox) NoteUpload(_ context.Context, ref runtime.Ref) (*runtime.Note, error) {
	if o.err != nil || ref.Name == o.taken {
		return nil, o.err
	}
	o.made = append(o.made, ref.Name)
	return &runtime.Note{Ref: ref, ID: ref.Name + "'s", Until: time.Now().Add(o.life)}, nil
}

func (o *fakeOutbox) CompleteUpload(_ context.Context, n *runtime.Note) error {
	o.completed = append(o.completed, n.ID)
	return o.err
}

func (o *fakeOutbox) CancelUpload(_ context.Context, n *runtime.Note) error {
	o.cancelled = append(o.cancelled, n.ID)
	return nil
}

func (o *fakeOutbox) DiscardUploads(_ context.Context, notes []*runtime.Note) error {
	for _, n := range notes {
		o.discarded = append(o.discarded, fmt.Sprint(n.ID, " complete: ", n.Complete))
	}
	return o.err
}

// fakeTx is a transaction that nobody writes in.
type fakeTx struct{}

func (fakeTx) ExecContext(context.Context, string, ...any) (sql.Result, error) {
	return nil, errors.ErrUnsupported
}

func (fakeTx) QueryContext(context.Context, string, ...any) (*sql.Rows, error) {
	return nil, errors.ErrUnsupported
}

// attached makes a world whose cleaner has an outbox. Nobody is to ask its rows: relays do.
func attached(tb testing.TB, o *fakeOutbox, files string, options ...runtime.Option) *world {
	tb.Helper()
	w := newWorld(tb, files, options...)
	if o.life == 0 {
		o.life = time.Hour
	}
	if err := w.clean.Attach(o, w.rows); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if n := w.rows.questions(); n > 0 {
			tb.Errorf("the rows were asked %d times", n)
		}
	})
	return w
}

func TestPromise(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(w *world, b *txn)
		want string
	}{
		"update": {
			func(_ *world, b *txn) { update(b, &doc{A: "p"}, func(r *doc) { r.A = "q" }) },
			"takes [q] releases [p]",
		},
		"unchanged": {
			func(_ *world, b *txn) { update(b, &doc{A: "p", B: "r"}, func(r *doc) { r.A = "q" }) },
			"takes [q r] releases [p]",
		},
		"unchanged, of a row that is locked": {
			func(_ *world, b *txn) {
				b.Locked(func(*runtime.Batch) { update(b, &doc{A: "p", B: "r"}, func(r *doc) { r.A = "q" }) })
			},
			"takes [q] releases [p]",
		},
		"moved in a row that is locked": {
			func(_ *world, b *txn) {
				b.Locked(func(*runtime.Batch) { update(b, &doc{A: "p", B: "q"}, func(r *doc) { r.A, r.B = r.B, r.A }) })
			},
			"takes [] releases []",
		},
		"moved": {
			func(_ *world, b *txn) {
				update(b, &doc{ID: 1, A: "p"}, func(r *doc) { r.A = "" })
				insert(b, &doc{ID: 2, B: "p"})
			},
			"takes [p] releases [p]",
		},
		"default": {
			func(_ *world, b *txn) {
				remove(b, &doc{A: "default.png", B: "p"})
				insert(b, &doc{A: "default.png"})
			},
			"takes [] releases [p]",
		},
		"a write that may have changed no row": {
			func(_ *world, b *txn) {
				_ = b.Exec((&doc{A: "p"}).AfterCreate, failed)
				_ = b.Exec(func(b *runtime.Batch) { (&doc{}).AfterDelete(b, docFiles{A: "q"}) }, noRow)
				remove(b, &doc{ID: 2, A: "p"})
			},
			"takes [p] releases [q p]",
		},
		"superseded in the same transaction": {
			func(_ *world, b *txn) {
				r := &doc{ID: 1, A: "p"}
				insert(b, r)
				update(b, r, func(r *doc) { r.A = "q" })
			},
			"takes [p q] releases [p]",
		},
		"rolled back to a savepoint": {
			func(_ *world, b *txn) {
				insert(b, &doc{ID: 1, A: "p"})
				s := b.Savepoint()
				insert(b, &doc{ID: 2, A: "q"})
				b.rollbackTo(s)
			},
			"takes [p] releases []",
		},
		"uploads": {
			func(w *world, b *txn) {
				insert(b, &doc{ID: 1, A: w.upload("named")})
				w.upload("never")
			},
			"takes [named] releases []",
		},
		"a savepoint of nobody": {
			func(_ *world, b *txn) {
				first, second := b.Savepoint(), b.Savepoint()
				b.rollbackTo(first)
				update(b, &doc{ID: 2, A: "p"}, func(r *doc) { r.A = "q" })
				_ = b.RollbackTo(second)
			},
			"takes [q] releases [p]",
		},
		// The thumbnail is promised when it is known what became of its file.
		"derived": {
			func(_ *world, b *txn) { photo(b, 1, "p.png", "q.png") },
			"takes [q.png thumbs/q.webp q.png.txt] releases [p.png]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := &fakeOutbox{}
			w := attached(t, o, "p q", runtime.WithTypes(photoType))
			b := w.begin()
			c.do(w, b)
			before := w.left()
			report, err := w.clean.Commit(t.Context(), b.Batch, fakeTx{}, nil)
			if err != nil || report.Outcome != runtime.Flushed {
				t.Errorf("%v, %v", report, err)
			}
			if got := strings.Join(o.promised, ", "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			b.Rollback()
			w.wantLeft(before)
			if s := w.clean.Stats(); s.Flushed != 1 || s.RolledBack != 0 || s.Open != 0 {
				t.Errorf("counts: %+v", s)
			}
		})
	}
}

func TestCommitByOutbox(t *testing.T) {
	o := &fakeOutbox{refuse: map[string]bool{"long": true}}
	w := attached(t, o, "p")
	for _, want := range []error{nil, errLost} {
		b := w.begin()
		remove(b, &doc{A: "p", B: "default.png", Gallery: []string{"long"}})
		promised := len(o.promised)
		report, err := w.clean.Commit(t.Context(), b.Batch, fakeTx{}, func() error {
			if len(o.promised) != promised+1 {
				t.Error("it was committed before the promise was made")
			}
			return want
		})
		if !errors.Is(err, want) || (report.Outcome == runtime.Committed) != (want == nil) || !errors.Is(report.Err, want) {
			t.Errorf("%v, %v", report, err)
		}
		wantResult(t, report, "p", runtime.Pending, "")
		wantResult(t, report, "default.png", runtime.Kept, runtime.IsDefault)
		wantResult(t, report, "long", runtime.Kept, "")
	}
	w.wantLeft("p")
	if s := w.clean.Stats(); s.Committed != 1 || s.Unknown != 1 || s.Waiting != 0 || s.Open != 0 {
		t.Errorf("%+v", s)
	}
}

// TestPromiseFails: the transaction can still be rolled back, and the batch is open.
func TestPromiseFails(t *testing.T) {
	o := &fakeOutbox{}
	w := attached(t, o, "")
	b := w.begin()
	insert(b, &doc{A: "p"})
	commit := func() error { t.Error("committed"); return nil }
	if _, err := w.clean.Commit(t.Context(), b.Batch, nil, commit); err == nil {
		t.Error("no transaction was needed")
	}
	o.err = errors.New("syntax error")
	if _, err := w.clean.Commit(t.Context(), b.Batch, fakeTx{}, commit); !errors.Is(err, o.err) {
		t.Error(err)
	}
	if s := w.clean.Stats(); s.Open != 1 {
		t.Errorf("counts: %+v", s)
	}
	b.Rollback()
	if s := w.clean.Stats(); s.Open != 0 || s.RolledBack != 1 {
		t.Errorf("counts: %+v", s)
	}
}

// TestCommitByOutboxPanics: nobody knows what became of the transaction.
func TestCommitByOutboxPanics(t *testing.T) {
	w := attached(t, &fakeOutbox{}, "")
	b := w.begin()
	func() {
		defer func() { _ = recover() }()
		_, _ = w.clean.Commit(t.Context(), b.Batch, fakeTx{}, func() error { panic("driver bug") })
	}()
	if s := w.clean.Stats(); s.Unknown != 1 || s.Open != 0 {
		t.Errorf("counts: %+v", s)
	}
}

func TestAttachErrors(t *testing.T) {
	used := newWorld(t, "")
	used.begin().Rollback()
	for text, err := range map[string]error{
		"is nil":         newWorld(t, "").clean.Attach(nil, nil),
		"has an outbox":  attached(t, &fakeOutbox{}, "").clean.Attach(&fakeOutbox{}, nil),
		"opened batches": used.clean.Attach(&fakeOutbox{}, nil),
	} {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestUploadWithOutbox: a file is noted before it is made, under the name that it gets.
func TestUploadWithOutbox(t *testing.T) {
	o := &fakeOutbox{taken: "spoken/for"}
	w := attached(t, o, "there")
	for _, name := range []string{"spoken/for", "there", "free"} {
		if got := w.upload(name); (got == name) != (name == "free") {
			t.Errorf("%s became %s", name, got)
		}
	}
	if len(o.made) != 3 || len(o.completed) != 3 || len(o.cancelled) != 0 || len(strings.Fields(w.left())) != 4 {
		t.Errorf("%+v, files %s", o, w.left())
	}
	o.err = errors.New("no connection")
	if _, err := w.clean.Create(t.Context(), "media", "q"); !errors.Is(err, o.err) {
		t.Error(err)
	}
}

// TestUploadIsNotMade: the note of a file that was not made is taken back, or the file
// discarded, if a part of it may be there.
func TestUploadIsNotMade(t *testing.T) {
	errFull := errors.New("no space left on device")
	for name, test := range map[string]struct {
		file                 error
		cancelled, discarded int
	}{
		"others made one": {afero.ErrFileExists, 1, 0},
		"it failed":       {errFull, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			o := &fakeOutbox{}
			w := newWorld(t, "")
			w.with(runtime.WithStorage("media", &refusing{Fs: w.files, err: test.file}, runtime.Exclusive()))
			if err := w.clean.Attach(o, w.rows); err != nil {
				t.Fatal(err)
			}
			o.life = time.Hour
			_, err := w.clean.Create(t.Context(), "media", "p")
			if (err == nil) != (name == "others made one") || err != nil && !errors.Is(err, errFull) {
				t.Error(err)
			}
			if len(o.cancelled) != test.cancelled || len(o.discarded) != test.discarded {
				t.Errorf("%+v", o)
			}
		})
	}
}

// refusing refuses to open a file once.
type refusing struct {
	afero.Fs
	err error
}

func (r *refusing) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	if err := r.err; err != nil {
		r.err = nil
		return nil, err
	}
	return r.Fs.OpenFile(name, flag, perm)
}

// TestUploadComesLate: the process was stopped after the note, whose time is over. The
// relays take the file for gone, and it must not be made.
func TestUploadComesLate(t *testing.T) {
	o := &fakeOutbox{life: -time.Second}
	w := attached(t, o, "")
	if _, err := w.clean.Create(t.Context(), "media", "p"); !errors.Is(err, runtime.ErrGone) {
		t.Error(err)
	}
	if len(o.discarded) != 1 {
		t.Errorf("%+v", o)
	}
	w.wantLeft("")
}

// TestUploadIsNotComplete: what could not be noted as complete can't be named.
func TestUploadIsNotComplete(t *testing.T) {
	o := &fakeOutbox{}
	w := attached(t, o, "")
	u := w.create("p")
	o.err = errors.New("its time was over")
	if err := u.Close(); !errors.Is(err, o.err) {
		t.Error(err)
	}
	o.err = nil
	b := w.begin()
	insert(b, &doc{A: u.Name()})
	if _, err := w.clean.Commit(t.Context(), b.Batch, fakeTx{}, nil); !errors.Is(err, runtime.ErrUpload) || len(o.promised) > 0 {
		t.Errorf("%v, promised %v", err, o.promised)
	}
	w.discard()
	if got := strings.Join(o.discarded, ", "); got != "p's complete: false" {
		t.Error(got)
	}
}

// TestDiscardWithOutbox: what nobody took is for the outbox to delete, since it knows
// whether another transaction has come to name it; if it can't be told, when its time is
// over.
func TestDiscardWithOutbox(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(w *world, o *fakeOutbox)
		want string
	}{
		"nobody named it": {func(*world, *fakeOutbox) {}, "p's complete: true"},
		"rolled back": {func(w *world, _ *fakeOutbox) {
			b := w.begin()
			insert(b, &doc{ID: 1, A: "p"})
			b.Rollback()
		}, "p's complete: true"},
		"named by a batch that is open": {func(w *world, _ *fakeOutbox) {
			insert(w.begin(), &doc{ID: 1, A: "p"})
		}, "p's complete: true"},
		"taken": {func(w *world, _ *fakeOutbox) {
			b := w.begin()
			insert(b, &doc{ID: 1, A: "p"})
			if _, err := w.clean.Commit(w.t.Context(), b.Batch, fakeTx{}, b.land); err != nil {
				w.t.Error(err)
			}
		}, ""},
		"not surely taken": {func(w *world, _ *fakeOutbox) {
			b := w.begin()
			_ = b.Exec((&doc{ID: 1, A: "p"}).AfterCreate, failed)
			if _, err := w.clean.Commit(w.t.Context(), b.Batch, fakeTx{}, b.land); err != nil {
				w.t.Error(err)
			}
		}, "p's complete: true"},
		"flushed": {func(w *world, _ *fakeOutbox) {
			b := w.begin()
			insert(b, &doc{ID: 1, A: "p"})
			if _, err := w.clean.Commit(w.t.Context(), b.Batch, fakeTx{}, nil); err != nil {
				w.t.Error(err)
			}
		}, "p's complete: true"},
		"nobody knows": {func(w *world, _ *fakeOutbox) {
			b := w.begin()
			insert(b, &doc{ID: 1, A: "p"})
			_, _ = w.clean.Commit(w.t.Context(), b.Batch, fakeTx{}, func() error { return errLost })
		}, "p's complete: true"},
		"it can't be told": {func(_ *world, o *fakeOutbox) { o.err = errDown }, "p's complete: true"},
	} {
		t.Run(name, func(t *testing.T) {
			o := &fakeOutbox{}
			w := attached(t, o, "")
			w.upload("p")
			up := w.uploads[0]
			test.do(w, o)
			up.Discard()
			up.Discard()
			if got := strings.Join(o.discarded, ", "); got != test.want {
				t.Errorf("discarded: %q", got)
			}
			w.wantLeft("p")
			if logged := strings.Contains(w.logs.String(), "could not be discarded"); logged != (o.err != nil) {
				t.Errorf("log:\n%s", w.logs)
			}
		})
	}
}

type stuckFs struct{ afero.Fs }

func (stuckFs) Remove(string) error { return errors.New("device busy") }

// TestDelete is what relays call.
func TestDelete(t *testing.T) {
	mem := afero.NewMemMapFs()
	var w *world
	w = newUnchecked(t, "p used default.png", runtime.WithStorage("stuck", stuckFs{mem}), runtime.WithObserver(runtime.Observer{
		Before: func(_ context.Context, e runtime.Result) error {
			if e.Ref == media("used") {
				insert(w.begin(), &doc{A: "used"})
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
			"stuck:p " + final, "other:p " + final,
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	w.wantLeft("default.png used")
	if s := w.clean.Stats(); s.Waiting != 0 || s.Retried != 0 {
		t.Errorf("%+v", s)
	}
	if err := w.clean.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestDeleteAsks other references than the relay has asked, and not those again.
func TestDeleteAsks(t *testing.T) {
	for _, same := range []bool{false, true} {
		t.Run(fmt.Sprint("same: ", same), func(t *testing.T) {
			w := newWorld(t, "p named")
			w.rows.has(1, media("named"))
			var asked runtime.References = newDatabase()
			if same {
				asked = w.rows
			}
			if err := w.clean.Attach(&fakeOutbox{}, asked); err != nil {
				t.Fatal(err)
			}
			results := []runtime.Result{{Ref: media("p")}, {Ref: media("named")}}
			results = w.clean.Delete(t.Context(), results, func(runtime.Result) bool { return true })
			if same {
				if w.rows.questions() > 0 {
					t.Error("they were asked again")
				}
				w.wantLeft("")
				return
			}
			if results[1].Cause != runtime.StillInUse {
				t.Errorf("%+v", results)
			}
			w.wantLeft("named")
		})
	}
}
