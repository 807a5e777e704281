package storage_test

import (
	"errors"
	"testing"

	"github.com/filecleangen/filecleangen/storage"
)

func TestCheckName(t *testing.T) {
	for _, name := range []string{"a", "a/b.png", ".hidden", "a b", "ä/ö", "...", "ab:c", "0/1"} {
		if err := storage.CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{
		"", ".", "..", "/", "/a", "a/", "a//b", "./a", "a/.", "a/..", "../a", "a/../b",
		`a\b`, `\a`, `..\a`, "a\x00", "C:", "c:/a", "C:a", "a\xff", storage.MarkerName,
	} {
		if err := storage.CheckName(name); !errors.Is(err, storage.ErrBadName) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
