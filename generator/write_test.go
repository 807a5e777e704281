package generator_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/filecleangen/filecleangen/generator"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x_gen.go")
	write := func(content string, wantChanged bool) {
		t.Helper()
		f := generator.File{Path: path, Content: []byte(content)}
		if content == "" {
			f.Content = nil
		}
		changed, err := f.Write()
		if err != nil {
			t.Fatal(err)
		}
		if changed != wantChanged {
			t.Errorf("changed: %t", changed)
		}
	}
	mode := func(want os.FileMode) {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want && runtime.GOOS != "windows" {
			t.Errorf("mode %o, want %o", got, want)
		}
	}

	write("one", true)
	mode(0o644)

	// The same bytes are not written again.
	past := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(path, past, past); err != nil {
		t.Fatal(err)
	}
	write("one", false)
	if info, err := os.Stat(path); err != nil || !info.ModTime().Equal(past) {
		t.Errorf("the file was touched: %v", err)
	}

	// Other bytes are, and the mode stays.
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	write("two", true)
	mode(0o600)
	if got, err := os.ReadFile(path); err != nil || string(got) != "two" {
		t.Errorf("content %q, %v", got, err)
	}

	write("", true) // remove
	write("", false)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// TestWriteFails: an error leaves neither a half file nor a temporary one.
func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x_gen.go")
	if err := os.Mkdir(path, 0o755); err != nil { // can't be replaced by a file
		t.Fatal(err)
	}
	f := generator.File{Path: path, Content: []byte("one")}
	if changed, err := f.Write(); err == nil || changed {
		t.Errorf("changed %t, error %v", changed, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
