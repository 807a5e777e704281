package outbox_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// twoStorages makes a world with a storage "other" beside its own, with a file "a"
// in each that is promised to go, and a channel that tells which are gone.
func twoStorages(t *testing.T, d references.Dialect, other afero.Fs, options ...outbox.RelayOption) (w *world, gone chan string) {
	t.Helper()
	gone = make(chan string, 100)
	after := runtime.Observer{After: func(_ context.Context, e runtime.Result) {
		if e.Status == runtime.Removed {
			gone <- e.Ref.String()
		}
	}}
	if err := outbox.Mark(other, environment); err != nil {
		t.Fatal(err)
	}
	w = newWorld(t, d, settings{
		cleaner: []runtime.Option{runtime.WithStorage("other", other), runtime.WithObserver(after)},
		relay:   options,
	})
	w.must(afero.WriteFile(other, "a", nil, 0o644))
	w.write("a")
	w.exec("INSERT INTO filecleangen_outbox (storage, name) VALUES ('other', 'a'), ('media', 'a')")
	return w, gone
}

// run runs the relay until stop is called.
func (w *world) run() (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error)
	go func() { ended <- w.relay.Run(ctx) }()
	return func() {
		w.t.Helper()
		cancel()
		w.must(<-ended)
	}
}

// A storage whose calls hang does not hold up another, however many there are.
func TestHangingStorage(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		hangs := &hangingFs{Fs: afero.NewMemMapFs(), called: make(chan struct{}, 100), goOn: make(chan struct{})}
		w, gone := twoStorages(t, d, hangs, outbox.WithPoll(time.Millisecond))
		for i := range 20 {
			w.exec("INSERT INTO filecleangen_outbox (storage, name) VALUES ('other', 'b" + string(rune('a'+i)) + "')")
		}
		stop := w.run()
		<-hangs.called
		if got := <-gone; got != "media:a" {
			t.Errorf("%s went", got)
		}
		close(hangs.goOn)
		if got := <-gone; got != "other:a" {
			t.Errorf("%s went", got)
		}
		stop()
	})
}

type hangingFs struct {
	afero.Fs
	called, goOn chan struct{}
}

func (h *hangingFs) Remove(name string) error {
	h.called <- struct{}{}
	<-h.goOn
	return h.Fs.Remove(name)
}

// A storage that is down: even its marker can't be read. Nothing is tried, and no
// attempt is counted, until it is back.
func TestStorageDown(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		down := &downFs{Fs: afero.NewMemMapFs(), asked: make(chan struct{})}
		w, gone := twoStorages(t, d, down, outbox.WithPoll(time.Millisecond))
		down.is.Store(true)
		stop := w.run()
		if got := <-gone; got != "media:a" {
			t.Errorf("%s went", got)
		}
		for range 3 {
			<-down.asked
		}
		var untried int
		w.must(w.db.QueryRowContext(t.Context(), "SELECT count(*) FROM filecleangen_outbox WHERE storage = 'other' AND state = 'pending' AND attempts = 0").Scan(&untried))
		if untried != 1 {
			t.Error("it was tried")
		}
		down.is.Store(false)
		if got := <-gone; got != "other:a" {
			t.Errorf("%s went", got)
		}
		stop()
		if log := w.logs.String(); !strings.Contains(log, "connection refused") || strings.Contains(log, "panic") {
			t.Errorf("log:\n%s", log)
		}
	})
}

type downFs struct {
	afero.Fs
	is    atomic.Bool
	asked chan struct{}
}

func (d *downFs) Open(name string) (afero.File, error) {
	if d.is.Load() {
		select {
		case d.asked <- struct{}{}:
		default:
		}
		return nil, errors.New("connection refused")
	}
	return d.Fs.Open(name)
}

// What failed waits for its time: no relay comes back to it before, nudged or not.
// Files beside it go.
func TestFailuresWait(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		broken := &someFs{Fs: afero.NewMemMapFs(), bad: []string{"a", "c"}}
		w, gone := twoStorages(t, d, broken, outbox.WithAttempts(3, time.Hour, time.Hour), outbox.WithPoll(time.Millisecond))
		w.exec("INSERT INTO filecleangen_outbox (storage, name) VALUES ('other', 'b'), ('other', 'c')")
		w.must(afero.WriteFile(broken, "b", nil, 0o644))
		w.must(afero.WriteFile(broken, "c", nil, 0o644))
		stop := w.run()
		went := []string{<-gone, <-gone}
		slices.Sort(went)
		if !slices.Equal(went, []string{"media:a", "other:b"}) {
			t.Errorf("went: %v", went)
		}
		// Rounds that are run after those are.
		w.exec("INSERT INTO filecleangen_outbox (storage, name) VALUES ('other', 'd')")
		w.must(afero.WriteFile(broken, "d", nil, 0o644))
		w.box.Nudge()
		<-gone
		stop()
		w.drain()
		if n := broken.calls.Load(); n != 2 {
			t.Errorf("%d calls failed, want one for each file", n)
		}
		s, err := w.box.Stats(t.Context())
		w.must(err)
		if s.Deleting != 2 || s.Overdue != 0 {
			t.Errorf("%+v", s)
		}
		for range 2 {
			w.due()
			w.drain()
		}
		w.wantStats(0, 2)
		w.due()
		w.drain()
		if n := broken.calls.Load(); n != 6 {
			t.Errorf("%d calls failed, want three for each file", n)
		}
	})
}

// someFs fails for some names.
type someFs struct {
	afero.Fs
	bad   []string
	calls atomic.Int64
}

func (f *someFs) Remove(name string) error {
	if slices.Contains(f.bad, name) {
		f.calls.Add(1)
		return errors.New("I/O error")
	}
	return f.Fs.Remove(name)
}

// A storage that panics is one that fails.
func TestPanickingStorage(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w, _ := twoStorages(t, d, &panicFs{afero.NewMemMapFs()})
		if done := w.drain(); done.Removed != 1 || done.Failed != 5 {
			t.Errorf("%+v", done)
		}
		w.wantStats(0, 1)
	})
}

type panicFs struct{ afero.Fs }

func (panicFs) Remove(string) error { panic("nil map") }

// The database goes away while the relay runs, and comes back.
func TestDatabaseDown(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		gone := make(chan struct{})
		after := runtime.Observer{After: func(context.Context, runtime.Result) { close(gone) }}
		w := letGo(t, d, settings{
			cleaner: []runtime.Option{runtime.WithObserver(after)},
			relay:   []outbox.RelayOption{outbox.WithPoll(time.Millisecond)},
		}, "a")
		w.exec("ALTER TABLE filecleangen_outbox RENAME TO away")
		stop := w.run()
		w.logs.WaitFor("the relay can't go on")
		w.want("a")
		w.exec("ALTER TABLE away RENAME TO filecleangen_outbox")
		<-gone
		stop()
		w.want("")
	})
}
