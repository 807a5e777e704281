package runtime_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
)

func TestNewErrors(t *testing.T) {
	media := afero.NewMemMapFs()
	_, err := runtime.New(
		runtime.WithTypes(docType, nil),
		runtime.WithStorage("docs", media),
		runtime.WithStorage("docs", media),
		runtime.WithStorage("nil", nil),
		runtime.WithLogger(nil),
		runtime.WithProtected(nil),
		runtime.WithReferences(nil),
	)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`models.Doc.A names storage "media", which was not given: add runtime.WithStorage("media", …)`,
		`storage "docs" is given twice`,
		`storage "nil" is nil`,
		"logger is nil", "WithProtected", "WithReferences", "a type is nil",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
}

// TestNewNeedsToKnow who knows which rows name files.
func TestNewNeedsToKnow(t *testing.T) {
	nobody := runtime.WithReferences(runtime.ReferencesFunc(func(context.Context, []runtime.Ref) ([]runtime.Ref, error) { return nil, nil }))
	for name, test := range map[string]struct {
		options []runtime.Option
		want    string
	}{
		"neither":          {nil, "Give runtime.WithReferences(…)"},
		"both":             {[]runtime.Option{nobody, runtime.Unchecked()}, "not both"},
		"references twice": {[]runtime.Option{nobody, nobody}, "once"},
		"unfit references": {[]runtime.Option{runtime.WithReferences(unfit{})}, "knows no table"},
		"references":       {[]runtime.Option{nobody}, ""},
		"unchecked":        {[]runtime.Option{runtime.Unchecked()}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := runtime.New(test.options...)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error: %v", err)
			}
		})
	}
}

// unfit is references that don't know the rows of a cleaner.
type unfit struct{ runtime.ReferencesFunc }

func (unfit) Check(*runtime.Cleaner) error { return errors.New("knows no table") }

// TestDefaultValues: a default may be what the column holds, if the storage knows
// what that means.
func TestDefaultValues(t *testing.T) {
	typ := &runtime.Type{Name: "test.page", Fields: []runtime.Field{{Path: "A", Storage: "media", Defaults: []string{"/media/blank.png"}}}}
	media := afero.NewMemMapFs()
	_, err := runtime.New(runtime.WithStorage("media", media), runtime.WithTypes(typ), runtime.Unchecked())
	if err == nil || !strings.Contains(err.Error(), `test.page.A has the default "/media/blank.png", which is no name of a file in storage "media"`) {
		t.Errorf("%v", err)
	}
	name := func(value string) string { return strings.TrimPrefix(value, "/media/") }
	c, err := runtime.New(runtime.WithStorage("media", media, runtime.Names(name)), runtime.WithTypes(typ), runtime.Unchecked())
	if err != nil {
		t.Fatal(err)
	}
	if err := afero.WriteFile(media, "blank.png", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	b := c.Begin()
	log := b.Deleted(typ, runtime.IntKey(1))
	log.Release(0, "/media/blank.png")
	if _, err := c.Commit(t.Context(), b, nil, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if there, err := afero.Exists(media, "blank.png"); err != nil || !there {
		t.Errorf("the default is gone: %v", err)
	}
}

func TestKeys(t *testing.T) {
	type uuid [16]byte
	if !runtime.IntKey(0).IsZero() || !runtime.TextKey("").IsZero() || !runtime.UUIDKey(uuid{}).IsZero() || !runtime.IntKey(0).In("t").IsZero() {
		t.Error("the key of a zero value is not anonymous")
	}
	keys := []runtime.Key{
		runtime.IntKey(1), runtime.IntKey(2), runtime.IntKey(int8(-1)), runtime.TextKey("1"),
		runtime.UUIDKey(uuid{15: 1}), runtime.UUIDKey(uuid{0: 1}), runtime.IntKey(1).In("a"), runtime.IntKey(1).In("b"),
	}
	for i, a := range keys {
		for j, b := range keys {
			if (a == b) != (i == j) {
				t.Errorf("keys %d and %d: equal is %t", i, j, a == b)
			}
		}
	}
}

// TestKeyInTable: one type in two tables is told apart by the table's name,
// and two types of one table are one by it (C7 of django-cleanup's tests).
func TestKeyInTable(t *testing.T) {
	proxy := &runtime.Type{Name: "test.proxy", Fields: docType.Fields}
	w := newUnchecked(t, "p q", runtime.WithTypes(proxy))
	b := w.begin()
	hold := func(typ *runtime.Type, key runtime.Key, name string) {
		log := b.Updated(typ, key)
		log.Hold(0, name)
	}
	release := func(typ *runtime.Type, key runtime.Key, name string) {
		log := b.Deleted(typ, key)
		log.Release(0, name)
	}
	hold(docType, runtime.IntKey(1).In("now"), "p")
	release(docType, runtime.IntKey(1).In("archive"), "p")
	hold(docType, runtime.IntKey(2).In("now"), "q")
	release(proxy, runtime.IntKey(2).In("now"), "q")
	w.commit(b)
	w.wantLeft("p")
}

func TestLog(t *testing.T) {
	w := newWorld(t, "p")
	b := w.begin()
	remove(b, &doc{ID: 1, A: "p"})
	w.commit(b)
	if got := w.logs.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "level=INFO") || !strings.Contains(got, "removed=1") {
		t.Errorf("log of a batch:\n%s", got)
	}

	w = newWorld(t, "p")
	b = w.begin()
	insert(b, &doc{ID: 1, A: "p"})
	w.commit(b)
	if got := w.logs.String(); got != "" {
		t.Errorf("log of a batch that let go of nothing:\n%s", got)
	}

	b = w.begin()
	remove(b, &doc{ID: 1, A: "p"})
	w.lose(b)
	for _, want := range []string{"level=WARN", "name=p", "cause=unknown-outcome", "connection reset by peer", `outcome="outcome unknown"`} {
		if !strings.Contains(w.logs.String(), want) {
			t.Errorf("log of an unknown outcome lacks %s:\n%s", want, w.logs)
		}
	}
}

// TestNoAllocations: a record that is saved unchanged costs no memory beyond
// the batch itself.
func TestNoAllocations(t *testing.T) {
	w := newWorld(t, "")
	r := &doc{ID: 1, A: "a", B: "b", Gallery: []string{"c", "d"}}
	old := r.FileSnapshot()
	batches := make([]*runtime.Batch, 101)
	for i := range batches {
		batches[i] = w.clean.Begin()
	}
	i := 0
	if n := testing.AllocsPerRun(100, func() {
		r.BeforeUpdate(batches[i], old) // each batch once: nothing is spread over many
		i++
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
