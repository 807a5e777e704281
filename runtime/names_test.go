package runtime_test

import (
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/runtime"
)

// cdn returns the name of a file from its URL.
func cdn(url string) string {
	for _, prefix := range []string{"https://cdn.example.com/", "http://old.example.com/media/", "/"} {
		if name, ours := strings.CutPrefix(url, prefix); ours {
			return name
		}
	}
	return ""
}

// TestNames: columns hold URLs.
func TestNames(t *testing.T) {
	const url = "https://cdn.example.com/"
	w := newUnchecked(t, "a b c covers/x thumbs/a default.png")
	files := w.files
	typ := &runtime.Type{Name: "test.url", Fields: []runtime.Field{
		{Path: "A", Storage: "media", Derived: []string{"thumbs/{name}"}}, {Path: "B", Storage: "media", Defaults: []string{url + "covers/x"}},
	}}
	w.with(runtime.WithStorage("media", files, runtime.Names(cdn)), runtime.WithTypes(typ))

	b := w.begin()
	log := b.Updated(typ, runtime.IntKey(1))
	log.Hold(0, "http://old.example.com/media/b") // the same file by another URL
	log.Release(0, url+"a")
	log.Release(1, url+"b")
	log = b.Deleted(typ, runtime.IntKey(2))
	log.Release(0, "https://elsewhere.example.com/c")
	log.Release(1, url+"covers/x")
	log = b.Deleted(typ, runtime.IntKey(3))
	log.Release(0, url+"../secret")
	log.Release(1, "/default.png")
	report := w.commit(b)
	w.wantLeft("b c covers/x default.png")
	wantResult(t, report, "a", runtime.Removed, "")
	wantResult(t, report, "thumbs/a", runtime.Removed, "")
	wantResult(t, report, "covers/x", runtime.Kept, runtime.IsDefault)
	wantResult(t, report, "../secret", runtime.Kept, runtime.UnsafeName)
	wantResult(t, report, "default.png", runtime.Kept, runtime.IsDefault)

	// An upload is held by its URL.
	b = w.begin()
	name := w.upload("n")
	_ = b.Exec(func(b *runtime.Batch) {
		log := b.Created(typ, runtime.IntKey(4))
		log.Hold(1, url+name)
	}, oneRow)
	if report := w.commit(b); len(report.Files) > 0 {
		t.Errorf("report: %v", report)
	}
}

// TestNamesPanics: a bug in the function shows where the value was given, before
// the row is written.
func TestNamesPanics(t *testing.T) {
	w := newWorld(t, "p")
	w.with(runtime.WithStorage("media", w.files, runtime.Names(func(value string) string {
		if value == "p" {
			panic("bug")
		}
		return value
	})))
	b := w.begin()
	defer b.Rollback()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	_ = b.Exec((&doc{ID: 1, A: "p"}).AfterCreate, func() (int64, error) { t.Error("the row was written"); return 1, nil })
}
