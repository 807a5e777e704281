package sweep_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
	"github.com/filecleangen/filecleangen/sweep"
)

// wantRefused scans, and makes sure that it refuses for one reason, goes on when that is
// allowed, and that what it refused can't be applied.
func (w *world) wantRefused(why sweep.Why, count int64, options ...sweep.Option) {
	w.Helper()
	r, err := w.sweeper(options...).Scan(w.Context(), "media", w.plan)
	if !errors.Is(err, sweep.ErrRefused) || len(r.Refused) == 0 {
		w.Fatalf("not refused: %v\n%s", err, r)
	}
	i := slices.IndexFunc(r.Refused, func(r sweep.Refusal) bool { return r.Why == why })
	if i < 0 || r.Refused[i].Count != count && count >= 0 {
		w.Fatalf("refused by %v, want %s of %d", r.Refused, why, count)
	}
	if _, err := w.sweeper().Apply(w.Context(), w.plan); !errors.Is(err, sweep.ErrRefused) {
		w.Errorf("applied what was refused: %v", err)
	}
	less := r.Refused[i].Count - 1
	if r, _ := w.sweeper(append(options, sweep.Allow(why, less))...).Scan(w.Context(), "media", w.plan); !refusedBy(r, why) {
		w.Errorf("it is enough to allow %d", less)
	}
	if r, _ := w.sweeper(append(options, sweep.Allow(why, r.Refused[i].Count))...).Scan(w.Context(), "media", w.plan); refusedBy(r, why) {
		w.Errorf("refused although %d are allowed: %s", less+1, r)
	}
}

func refusedBy(r *sweep.Report, why sweep.Why) bool {
	return slices.ContainsFunc(r.Refused, func(r sweep.Refusal) bool { return r.Why == why })
}

// TestEmptyDatabase: an orphan of every file would be the end of a storage.
func TestEmptyDatabase(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.shop()
		w.exec("DELETE FROM article")
		w.wantRefused(sweep.EmptyTables, 1, sweep.Include("covers/"))
		w.wantRefused(sweep.ManyOrphans, 20, sweep.Include("covers/"))
	})
}

// TestWrongDatabase: rows of another shop have other names.
func TestWrongDatabase(t *testing.T) {
	w := newWorld(t, references.SQLite)
	for i := range 20 {
		w.article(i, fmt.Sprintf("covers/other-%d.png", i), "[]")
		w.file(fmt.Sprintf("covers/%d.png", i))
	}
	w.wantRefused(sweep.ManyDangling, 20)
	w.wantRefused(sweep.ManyOrphans, 20)
	w.wantRefused(sweep.Restored, 20)
}

// TestSeparators: rows with the separators of Windows name the files all the same.
func TestSeparators(t *testing.T) {
	w := newWorld(t, references.SQLite)
	w.article(1, `covers\a\1.png`, "[]")
	w.article(2, `covers/a/2.png`, "[]")
	w.file("covers/a/1.png", "covers/a/2.png")
	if r := w.scan(); r.Orphans != 0 || r.Dangling != 0 {
		t.Errorf("found %s", r)
	}
}

// TestRestored: files that are newer than what rows name speak for an old database.
func TestRestored(t *testing.T) {
	w := newWorld(t, references.SQLite)
	w.shop()
	w.fileAt(time.Now().Add(-49*time.Hour), "covers/new.png")
	w.wantRefused(sweep.Restored, 1)
}

// TestClocks: the age of files says nothing where clocks differ.
func TestClocks(t *testing.T) {
	w := newWorld(t, references.SQLite)
	w.shop()
	w.fileAt(time.Now().Add(24*time.Hour), "covers/new.png")
	w.wantRefused(sweep.Clocks, -1)
}

// TestOtherPrograms: what is derived from the files of others only they know.
func TestOtherPrograms(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.shop()
		w.file("covers/orphan.png")
		own := w.handle()
		w.exec("CREATE TABLE photo (id bigint PRIMARY KEY, file varchar(200))")
		w.exec("INSERT INTO photo (id, file) VALUES (1, 'covers/photo.png')")
		w.file("covers/photo.png")
		photo := &runtime.Type{Name: "gallery.Photo", Package: "example.com/gallery", Fields: []runtime.Field{{Path: "File", Storage: "media", Column: "file"}}}
		_, err := references.New(t.Context(), own, d, references.Program("gallery"), references.Table(photo, "photo"))
		w.must(err)
		w.wantRefused(sweep.OtherPrograms, 1)
		r := w.scan(sweep.Allow(sweep.OtherPrograms, 1))
		if !slices.Equal(r.OrphansShown, []string{"covers/orphan.png"}) {
			t.Errorf("found %s", r)
		}
		w.exec("DROP TABLE photo")
		w.wantRefused(sweep.GoneColumns, 1, sweep.Allow(sweep.OtherPrograms, 1))
	})
}

// TestKeepOption: files that are kept on purpose look like orphans.
func TestKeepOption(t *testing.T) {
	typ := article()
	typ.Fields[0].Keep = true
	w := newWorld(t, references.SQLite, typ)
	w.shop()
	w.file("covers/kept.png")
	w.wantRefused(sweep.KeepOption, 1)
}

// TestTableGone, and TestOtherMarker: an error says that nothing is known, and the plan of
// before stays.
func TestTableGone(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.shop()
		w.scan()
		before, err := os.ReadFile(w.plan)
		w.must(err)
		w.exec("DROP TABLE article")
		if r, err := w.sweeper().Scan(t.Context(), "media", w.plan); err == nil {
			t.Errorf("scanned without its table: %s", r)
		}
		after, err := os.ReadFile(w.plan)
		w.must(err)
		if string(before) != string(after) {
			t.Error("the plan of before is another one")
		}
		left, err := os.ReadDir(filepath.Dir(w.plan))
		if err != nil || len(left) != 1 {
			t.Errorf("left behind %v, %v", left, err)
		}
	})
}

func TestOtherMarker(t *testing.T) {
	w := newWorld(t, references.SQLite)
	w.shop()
	w.file("covers/orphan.png")
	w.scan()
	for _, marker := range []string{"production\n", ""} {
		w.must(os.WriteFile(filepath.Join(w.root, storage.MarkerName), []byte(marker), 0o600))
		if _, err := w.sweeper().Scan(t.Context(), "media", w.plan+"2"); !errors.Is(err, outbox.ErrFence) {
			t.Errorf("scanned: %v", err)
		}
		if _, err := w.sweeper().Apply(t.Context(), w.plan); !errors.Is(err, outbox.ErrFence) {
			t.Errorf("applied: %v", err)
		}
	}
	if _, err := sweep.New(w.box, environment, sweep.MinAge(time.Minute)); err == nil {
		t.Error("uploads may be taken for orphans")
	}
}

// TestPlanOfOthers: a plan is for one database, environment and set of columns, and a day.
func TestPlanOfOthers(t *testing.T) {
	w := newWorld(t, references.SQLite)
	w.shop()
	w.file("covers/orphan.png")
	w.scan()
	text, err := os.ReadFile(w.plan)
	w.must(err)
	first, rest, _ := strings.Cut(string(text), "\n")
	apply := func(change func(h map[string]any)) error {
		var h map[string]any
		w.must(json.Unmarshal([]byte(first), &h))
		change(h)
		line, err := json.Marshal(h)
		w.must(err)
		path := filepath.Join(t.TempDir(), "plan")
		w.must(os.WriteFile(path, []byte(string(line)+"\n"+rest), 0o600))
		_, err = w.sweeper().Apply(t.Context(), path)
		return err
	}
	w.must(apply(func(map[string]any) {}))
	for what, change := range map[string]func(h map[string]any){
		"another environment": func(h map[string]any) { h["environment"] = "production" },
		"another database":    func(h map[string]any) { h["outbox"] = "x" },
		"other columns":       func(h map[string]any) { h["columns"] = "x" },
		"old":                 func(h map[string]any) { h["started"] = time.Now().Add(-25 * time.Hour) },
		"of tomorrow":         func(h map[string]any) { h["started"] = time.Now().Add(25 * time.Hour) },
		"another version":     func(h map[string]any) { h["plan"] = 2 },
	} {
		if err := apply(change); err == nil {
			t.Errorf("a plan is applied that is %s", what)
		}
	}
	rest = rest[:strings.LastIndex(strings.TrimSpace(rest), "\n")+1]
	if err := apply(func(map[string]any) {}); err == nil {
		t.Error("a plan is applied that is cut off")
	}
}

// lister is a storage that lists as it likes.
type lister struct {
	afero.Fs
	list func(from string) ([]string, error)
}

func (l lister) List(_ context.Context, from string) iter.Seq2[storage.File, error] {
	return func(yield func(storage.File, error) bool) {
		names, err := l.list(from)
		for _, name := range names {
			if !yield(storage.File{Name: name}, nil) {
				return
			}
		}
		if err != nil {
			yield(storage.File{}, err)
		}
	}
}

func (l lister) Name() string { return "lister" }

// TestListing: a storage that lists in another order is sorted, and one whose list ends
// early is not scanned.
func TestListing(t *testing.T) {
	w := newWorld(t, references.SQLite)
	w.shop()
	w.file("covers/orphan.png")
	files, _ := w.clean.Storage("media")
	var names []string
	for f, err := range storage.List(t.Context(), files, "") {
		w.must(err)
		names = append(names, f.Name)
	}
	slices.Reverse(names)
	var failed error
	odd := lister{files, func(string) ([]string, error) {
		if failed != nil {
			return names[:len(names)/2], failed
		}
		return names, nil
	}}
	other := newWorldOn(w, odd)
	if r := other.scan(); !slices.Equal(r.OrphansShown, []string{"covers/orphan.png"}) || r.Dangling != 0 {
		t.Errorf("found %s", r)
	}
	if _, err := other.sweeper(sweep.Range("covers/", "")).Scan(t.Context(), "media", w.plan); err == nil {
		t.Error("a range is listed where there is no order")
	}
	failed = fs.ErrPermission
	if _, err := other.sweeper().Scan(t.Context(), "media", w.plan); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("scanned half of it: %v", err)
	}
}

// newWorldOn is a world on the same database, with another storage.
func newWorldOn(w *world, media afero.Fs) *world {
	w.Helper()
	typ := article()
	other := *w
	var err error
	other.refs, err = references.New(w.Context(), w.handle(), w.d, references.Program("shop"), references.Table(typ, "article", references.Columns{"Pages": {Form: references.JSON}}))
	w.must(err)
	other.clean, err = runtime.New(runtime.WithStorage("media", media), runtime.WithTypes(typ), runtime.WithReferences(other.refs))
	w.must(err)
	other.box, err = outbox.New(w.Context(), other.clean, other.refs)
	w.must(err)
	return &other
}
