package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain is the process that is killed, where the story starts one.
func TestMain(m *testing.M) {
	if folder := os.Getenv(folderVariable); folder != "" {
		fmt.Fprintln(os.Stderr, crash(context.Background(), folder))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// TestOutput: what the example prints is what docs/triggers.md shows.
func TestOutput(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("TMP", os.Getenv("TMPDIR"))
	var out bytes.Buffer
	if err := tell(context.Background(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "triggers.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.ReplaceAll(string(page), "\r\n", "\n"), out.String()) {
		t.Errorf("docs/triggers.md does not have the output of the example, which is now:\n%s", &out)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("left behind in the temporary folder: %v, %v", left, err)
	}
}
