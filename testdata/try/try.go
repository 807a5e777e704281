// Package try is what the programs in testdata/script check generated code
// with.
package try

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"slices"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/runtime"
)

// Record is what generated code makes of a struct; S is its snapshot.
type Record[S any] interface {
	FileSnapshot() S
	FileKey() runtime.Key
	AfterCreate(*runtime.Batch)
	BeforeUpdate(*runtime.Batch, S)
	AfterDelete(*runtime.Batch, S)
}

// Files checks that a record holds and releases exactly the named files. full
// returns it anew each time, empty is the same record without files.
func Files[S any, R Record[S]](types []*runtime.Type, full func() R, empty R, names ...string) {
	what := fmt.Sprintf("%T: ", empty)
	slices.Sort(names)
	left := func(transaction func(*runtime.Batch)) []string { return Left(types, names, transaction) }
	old := full().FileSnapshot()

	Equal(what+"left after clearing all fields", left(func(b *runtime.Batch) { empty.BeforeUpdate(b, old) }), nil)
	Equal(what+"left after deleting", left(func(b *runtime.Batch) { full().AfterDelete(b, old) }), nil)
	Equal(what+"left after saving unchanged", left(func(b *runtime.Batch) { full().BeforeUpdate(b, old) }), names)
	Equal(what+"left after deleting and creating again", left(func(b *runtime.Batch) {
		full().AfterDelete(b, old)
		full().AfterCreate(b)
	}), names)
	Equal(what+"left after another record took them up", left(func(b *runtime.Batch) {
		(&other{names}).hold(b, types)
		full().AfterDelete(b, old)
	}), names)
	Equal(what+"left after an empty one was deleted", left(func(b *runtime.Batch) { empty.AfterDelete(b, empty.FileSnapshot()) }), names)
	Equal(what+"left after they moved to it and away and back", left(func(b *runtime.Batch) {
		empty.BeforeUpdate(b, old)
		full().BeforeUpdate(b, empty.FileSnapshot())
	}), names)
	Equal(what+"snapshot, taken twice", full().FileSnapshot(), old)
}

// other is some record with files in all storages.
type other struct{ names []string }

func (o *other) hold(b *runtime.Batch, types []*runtime.Type) {
	for _, t := range types {
		log := b.Created(t, runtime.TextKey("another"))
		for i := range t.Fields {
			for _, name := range o.names {
				log.Hold(i, name)
			}
		}
	}
}

// Left returns which of the files are left after a transaction. They are in
// one directory, which all storages of the types share.
func Left(types []*runtime.Type, files []string, transaction func(*runtime.Batch)) (names []string) {
	storage := afero.NewMemMapFs()
	for _, f := range files {
		must(afero.WriteFile(storage, f, nil, 0o644))
	}
	options := []runtime.Option{runtime.WithTypes(types...), runtime.Unchecked()} // what is said counts: there are no rows
	var known []string
	for _, t := range types {
		for _, f := range t.Fields {
			if !slices.Contains(known, f.Storage) {
				known = append(known, f.Storage)
				options = append(options, runtime.WithStorage(f.Storage, storage))
			}
		}
	}
	cleaner, err := runtime.New(options...)
	must(err)
	b := cleaner.Begin()
	transaction(b)
	_, err = cleaner.Commit(context.Background(), b, nil, func() error { return nil })
	must(err)
	for _, f := range files {
		if ok, err := afero.Exists(storage, f); err == nil && ok {
			names = append(names, f)
		}
	}
	return names
}

// Equal stops the program if got is not what is wanted. An empty slice is nil.
func Equal(what string, got, want any) {
	if reflect.DeepEqual(got, want) || want == nil && reflect.ValueOf(got).Len() == 0 {
		return
	}
	fmt.Printf("%s\ngot  %+v\nwant %+v\n", what, got, want)
	os.Exit(1)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
