package dialect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrGone says that a file can't be taken: it is being deleted, was lately, or is
// being written.
var ErrGone = errors.New("the file is being deleted, was lately, or is being written")

// ErrVersion says that the tables of the outbox have another version than the program.
var ErrVersion = errors.New("the tables of the outbox have another version than this program")

// An Entry is what a transaction does to the row of a file in the outbox. It is a take
// where rows may come to name the file, a release where rows may have let go of it, or
// both. The outbox's package documentation has the argument.
type Entry struct {
	Storage, Name        string
	Take, Release        bool
	Reason, Model, Field string // of a release
	Record, DerivedFrom  string
}

// gone returns the error about a file that can't be taken.
func gone(storage, name string) error {
	return fmt.Errorf("%w: %s in storage %s", ErrGone, name, storage)
}

// inJSON returns entries as the SQL of SQLite reads them.
func inJSON(entries []Entry) (string, error) {
	type entry struct {
		S string `json:"s"`
		N string `json:"n"`
		K string `json:"k"`
		R string `json:"r"`
		M string `json:"m"`
		F string `json:"f"`
		C string `json:"c"`
		D string `json:"d"`
	}
	all := make([]entry, len(entries))
	for i, e := range entries {
		all[i] = entry{e.Storage, e.Name, e.kind(), e.Reason, e.Model, e.Field, e.Record, e.DerivedFrom}
	}
	text, err := json.Marshal(all)
	return string(text), err
}

// kind is how SQL tells entries apart: t, r, or b for both.
func (e *Entry) kind() string {
	switch {
	case e.Take && e.Release:
		return "b"
	case e.Take:
		return "t"
	}
	return "r"
}

// checkVersion makes sure that the tables have the version of the program.
func checkVersion(ctx context.Context, d Dialect, h Queryer, program int) error {
	var v int
	err := QueryRow(ctx, h, New(d, "SELECT version FROM filecleangen_outbox_version"), &v)
	if err == nil && v != program {
		err = ErrVersion
	}
	return err
}

// A Writer is what Write needs to know of the outbox.
type Writer struct {
	Version int           // of the tables, that the program knows
	Wait    time.Duration // before what is released is due
}
