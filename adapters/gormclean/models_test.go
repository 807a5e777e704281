package gormclean

import (
	"reflect"
	"sync"
	"testing"

	"gorm.io/gorm/schema"

	"github.com/filecleangen/filecleangen/runtime"
)

// mine has a method of its own that is called like the generated one.
type mine struct{ File string }

func (*mine) FileSnapshot() string { return "not generated" }

// half has a snapshot without all of its methods.
type half struct{ File string }

type halfFiles struct{}

func (*half) FileSnapshot() halfFiles                   { return halfFiles{} }
func (halfFiles) LogCreate(*runtime.Batch, runtime.Key) {}
func (halfFiles) LogDelete(*runtime.Batch, runtime.Key) {}

// A model has files if it has the generated methods, not others by their names.
func TestHasFiles(t *testing.T) {
	var m models
	for range 2 { // the second time it is known
		for model, want := range map[reflect.Type]bool{
			reflect.TypeFor[picture]():      true,
			reflect.TypeFor[pictureFiles](): false,
			reflect.TypeFor[mine]():         false,
			reflect.TypeFor[half]():         false,
			reflect.TypeFor[int]():          false,
		} {
			if m.hasFiles(model) != want {
				t.Errorf("%v has files: %v", model, !want)
			}
		}
	}
	p := picture{File: "a"}
	if got := m.snapshot(reflect.ValueOf(&p).Elem()); got != (pictureFiles{"a"}) {
		t.Errorf("the snapshot is %v", got)
	}
}

// The columns by which an INSERT may meet a row are those of all unique indexes.
func TestUniqueColumns(t *testing.T) {
	type indexed struct {
		ID    int64
		Email string `gorm:"unique"`
		First string `gorm:"uniqueIndex:name"`
		Last  string `gorm:"uniqueIndex:name"`
		Age   int    `gorm:"index"`
	}
	s, err := schema.Parse(&indexed{}, &sync.Map{}, schema.NamingStrategy{})
	if err != nil {
		t.Fatal(err)
	}
	var m models
	got, err := m.unique(s, schema.NamingStrategy{})
	if want := [][]string{{"id"}, {"email"}, {"first", "last"}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}
