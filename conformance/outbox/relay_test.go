package outbox_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/outbox/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// letGo makes a world in which deletions of files are promised.
func letGo(t *testing.T, d references.Dialect, with settings, names ...string) *world {
	t.Helper()
	w := newWorld(t, d, with)
	w.release(names...)
	return w
}

func (w *world) release(names ...string) {
	w.t.Helper()
	w.write(names...)
	a := &models.Album{ID: 1, Pages: names}
	w.commit(func(tx *transaction) { tx.insert(a) })
	w.commit(func(tx *transaction) { tx.remove(a) })
}

// A storage that fails: the rows wait, are parked in the end, and can be tried again.
func TestFailingStorage(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		broken := &breakable{Fs: afero.NewMemMapFs()}
		if err := outbox.Mark(broken, environment); err != nil {
			t.Fatal(err)
		}
		var after []runtime.Result
		w := newWorld(t, d, settings{cleaner: []runtime.Option{
			runtime.WithStorage("other", broken),
			runtime.WithObserver(runtime.Observer{After: func(_ context.Context, e runtime.Result) { after = append(after, e) }}),
		}})
		broken.err = errors.New("disk on fire")
		w.exec("INSERT INTO filecleangen_outbox (storage, name) VALUES ('other', 'a'), ('media', 'b')")
		w.must(afero.WriteFile(broken, "a", nil, 0o644))
		w.write("b")
		done := w.drain()
		if done.Removed != 1 || done.Failed != 5 {
			t.Errorf("%+v", done)
		}
		w.want("")
		w.wantStats(0, 1)
		if len(after) != 2 || after[0].Status == after[1].Status {
			t.Errorf("observers were told %v", after)
		}
		parked, err := w.box.Parked(t.Context(), 10)
		if err != nil || len(parked) != 1 || parked[0].Ref.Name != "a" || parked[0].Attempts != 5 || !strings.Contains(parked[0].Err, "disk on fire") {
			t.Errorf("%v, %v", parked, err)
		}
		broken.err = nil
		if n, err := w.box.Unpark(t.Context()); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if done := w.drain(); done.Removed != 1 {
			t.Errorf("%+v", done)
		}
		w.wantStats(0, 0)
	})
}

type breakable struct {
	afero.Fs
	err   error
	calls atomic.Int64
}

func (b *breakable) Remove(name string) error {
	b.calls.Add(1)
	if b.err != nil {
		return b.err
	}
	return b.Fs.Remove(name)
}

// A process that runs for another environment deletes nothing.
func TestFence(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := letGo(t, d, settings{}, "a")
		marker := filepath.Join(w.root, outbox.MarkerName)
		for text, want := range map[string]string{
			"":                      "has no file .filecleangen",
			"production\n":          "belongs to production",
			"# test\nshop\n blog\n": "belongs to shop, blog",
		} {
			w.must(os.RemoveAll(marker))
			if text != "" {
				w.must(os.WriteFile(marker, []byte(text), 0o644))
			}
			if _, err := w.relay.Drain(t.Context()); !errors.Is(err, outbox.ErrFence) || !strings.Contains(err.Error(), want) {
				t.Errorf("marker %q: %v", text, err)
			}
			if _, err := w.box.Relay(t.Context(), environment); !errors.Is(err, outbox.ErrFence) || !strings.Contains(err.Error(), want) {
				t.Errorf("a relay is made with the marker %q: %v", text, err)
			}
			if _, err := w.box.Relay(t.Context(), environment, outbox.WithMarkerLater()); err != nil {
				t.Errorf("marker %q, later: %v", text, err)
			}
		}
		w.want("a")
		w.wantStats(1, 0)
		w.must(outbox.Mark(w.dir, environment))
		w.drain()
		w.want("")
	})
}

// A row that names the marker does not make it go.
func TestMarkerStays(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := letGo(t, d, settings{}, "a")
		w.exec("INSERT INTO filecleangen_outbox (storage, name) VALUES ('media', '.filecleangen')")
		w.drain()
		w.wantStats(0, 0)
		if _, err := os.Stat(filepath.Join(w.root, outbox.MarkerName)); err != nil {
			t.Error(err)
		}
		if _, err := w.box.Create(t.Context(), "media", outbox.MarkerName); !errors.Is(err, storage.ErrBadName) {
			t.Errorf("the marker is uploaded: %v", err)
		}
	})
}

func TestGrace(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := letGo(t, d, settings{box: []outbox.Option{outbox.WithGrace(time.Hour)}}, "a")
		w.drain()
		w.want("a")
		w.wantStats(1, 0)
		w.due()
		w.drain()
		w.want("")
	})
}

func TestVeto(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		veto := runtime.Observer{Before: func(_ context.Context, e runtime.Result) error {
			if e.Type != models.AlbumFileType || e.Field.Path != "Pages" {
				t.Errorf("%+v", e)
			}
			return errors.New("no")
		}}
		w := letGo(t, d, settings{cleaner: []runtime.Option{runtime.WithObserver(veto)}}, "a")
		if done := w.drain(); done.Kept != 1 {
			t.Errorf("%+v", done)
		}
		w.want("a")
		w.wantStats(0, 0)
	})
}

// Thumbnails go when their file has gone, and stay where it is named again.
func TestDerived(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		w.write("a.png", "thumbs/a.webp", "b.png", "thumbs/b.webp")
		a, b := &models.Scan{ID: 1, File: "a.png"}, &models.Scan{ID: 2, File: "b.png"}
		insert, remove := "INSERT INTO scan (id, file) VALUES (?, ?)", "DELETE FROM scan WHERE id = ?"
		w.commit(func(tx *transaction) {
			w.must(tx.try(a.AfterCreate, insert, a.ID, a.File))
			w.must(tx.try(b.AfterCreate, insert, b.ID, b.File))
		})
		w.commit(func(tx *transaction) {
			w.must(tx.try(func(batch *runtime.Batch) { a.AfterDelete(batch, a.FileSnapshot()) }, remove, a.ID))
		})
		w.drain()
		w.want("b.png thumbs/b.webp")
		w.wantStats(0, 0)

		// The file went, and its row came back before the thumbnail's turn.
		w.exec("INSERT INTO filecleangen_outbox (storage, name, derived_from) VALUES ('media', 'thumbs/b.webp', 'b.png')")
		w.drain()
		w.want("b.png thumbs/b.webp")
		w.exec("INSERT INTO filecleangen_outbox (storage, name, derived_from) VALUES ('media', 'thumbs/b.webp', 'b.png')")
		w.commit(func(tx *transaction) { w.must(tx.try(b.AfterCreate, insert, 3, b.File)) })
		w.drain()
		w.want("b.png thumbs/b.webp")
		w.wantStats(0, 0)
	})
}

// A relay that died after it took rows: others take them when its lease is over.
func TestLease(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := letGo(t, d, settings{}, "a", "b")
		w.exec("UPDATE filecleangen_outbox SET state = 'deleting', claim = 'dead', not_before = not_before + 100000")
		w.must(os.Remove(filepath.Join(w.root, "a")))
		w.drain()
		w.want("b")
		w.due()
		if done := w.drain(); done.Removed != 1 || done.Missing != 1 {
			t.Errorf("%+v", done)
		}
		w.wantStats(0, 0)
	})
}

// Run deletes what other batches of its process let go of, without waiting for its
// turn to look.
func TestRun(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		gone := make(chan string, 10)
		after := runtime.Observer{After: func(_ context.Context, e runtime.Result) { gone <- e.Ref.Name }}
		w := newWorld(t, d, settings{cleaner: []runtime.Option{runtime.WithObserver(after)}, relay: []outbox.RelayOption{outbox.WithPoll(time.Minute)}})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.relay.Run(ctx) }()
		for _, name := range []string{"a", "b"} {
			w.release(name)
			if got := <-gone; got != name {
				t.Errorf("%q went", got)
			}
		}
		cancel()
		w.must(<-ended)
		w.want("")
	})
}

// Rows of types that a relay does not know are not its business.
func TestForeignRows(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := letGo(t, d, settings{}, "a")
		w.exec("UPDATE filecleangen_outbox SET model = 'other.Type'")
		w.drain()
		w.want("a")
		w.wantStats(1, 0)
	})
}
