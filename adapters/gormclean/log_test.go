package gormclean

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// picture is a model, with what the generator would write for it.
type picture struct {
	ID   int64
	File string
}

var pictureType = &runtime.Type{Name: "gormclean.picture", Fields: []runtime.Field{{Path: "File", Column: "file"}}}

type pictureFiles struct{ File string }

func (p *picture) FileSnapshot() pictureFiles { return pictureFiles{p.File} }

func (s pictureFiles) LogCreate(b *runtime.Batch, key runtime.Key) {
	log := b.Created(pictureType, key)
	log.Hold(0, s.File)
}

func (s pictureFiles) LogUpdate(b *runtime.Batch, key runtime.Key, old pictureFiles) {
	log := b.Updated(pictureType, key)
	log.Hold(0, s.File)
	log.Release(0, old.File)
}

func (s pictureFiles) LogDelete(b *runtime.Batch, key runtime.Key) {
	log := b.Deleted(pictureType, key)
	log.Release(0, s.File)
}

// ofPictures is a statement about pictures.
func ofPictures(t *testing.T) *write {
	t.Helper()
	s, err := schema.Parse(&picture{}, &sync.Map{}, schema.NamingStrategy{})
	if err != nil {
		t.Fatal(err)
	}
	stmt := &gorm.Statement{Schema: s, Table: s.Table, Context: context.Background()}
	return &write{db: &gorm.DB{Statement: stmt}, models: &models{}}
}

// What became of rows is known by their keys: those that are gone let go of their files,
// and so do those that name others now. Of a row without a key nobody knows which it is,
// so that it lets go of what it named, and the rows are asked.
func TestChanges(t *testing.T) {
	before := []picture{{1, "stays"}, {2, "old"}, {3, "gone"}, {0, "nobody's"}, {5, ""}}
	after := []picture{{1, "stays"}, {2, "new"}, {4, "created"}, {5, ""}}
	root := t.TempDir()
	for _, name := range []string{"stays", "old", "gone", "nobody's", "new", "created"} {
		if err := os.WriteFile(filepath.Join(root, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := storage.Dir(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	cleaner, err := runtime.New(runtime.Unchecked(), runtime.WithTypes(pictureType), runtime.WithStorage("", dir), runtime.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}

	b := cleaner.Begin()
	w := ofPictures(t)
	logs := w.changes(reflect.ValueOf(before), reflect.ValueOf(after))
	if len(logs) != 4 { // 2, 3, 4, and the one without a key
		t.Errorf("%d rows have changed", len(logs))
	}
	for _, log := range logs {
		log(b)
	}
	report, err := cleaner.Commit(t.Context(), b, nil, func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range report.Files {
		got = append(got, f.Ref.Name+" by "+f.Key.String()+" "+string(f.Reason))
	}
	if text := strings.Join(got, "; "); text != "nobody's by  deleted; old by pictures/2 updated; gone by pictures/3 deleted" {
		t.Errorf("let go of: %s", text)
	}
	if none := w.changes(reflect.Value{}, reflect.Value{}); len(none) != 0 {
		t.Errorf("without rows: %d", len(none))
	}
}

func TestKeyPart(t *testing.T) {
	type id string
	seven := uint8(7)
	for want, value := range map[string]any{
		"-1":   int32(-1),
		"7":    &seven,
		"text": id("text"),
		"[1]":  []byte{1},
		"":     (*int64)(nil),
	} {
		if got := keyPart(value).String(); got != want {
			t.Errorf("%v: %q, want %q", value, got, want)
		}
	}
	if !keyPart(0).IsZero() || !keyPart(nil).IsZero() || !keyPart("").IsZero() {
		t.Error("a key that is not set is one")
	}
}

// One row has one name for its table, however a statement spells it.
func TestTableOf(t *testing.T) {
	for want, stmt := range map[string]*gorm.Statement{
		"pictures":       {Table: "pictures"},
		"other.pictures": {Table: "pictures", TableExpr: &clause.Expr{SQL: "`other`.`pictures`"}},
		"other.p":        {Table: "p", TableExpr: &clause.Expr{SQL: `"other"."p"`}},
	} {
		if got := tableOf(stmt); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
