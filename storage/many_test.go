package storage_test

import (
	"errors"
	"testing"

	"github.com/filecleangen/filecleangen/storage"
)

func TestRemoveManyError(t *testing.T) {
	errDown := errors.New("503 slow down")
	err := &storage.RemoveManyError{Failed: map[string]error{"a": errDown, "b": errDown, "c": errDown, "d": errDown}}
	want := "4 files could not be deleted; a: 503 slow down; b: 503 slow down; c: 503 slow down; …"
	if err.Error() != want {
		t.Errorf("got %s", err)
	}
}
