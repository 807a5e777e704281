package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOutput: what the quickstart prints is what docs/runtime.md shows.
func TestOutput(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("TMP", os.Getenv("TMPDIR"))
	var out bytes.Buffer
	if err := run(context.Background(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "runtime.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.ReplaceAll(string(page), "\r\n", "\n"), out.String()) {
		t.Errorf("docs/runtime.md does not have the output of the quickstart, which is now:\n%s", &out)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("left behind in the temporary folder: %v, %v", left, err)
	}
}

// TestStepFails: a disk that is not as told ends the story.
func TestStepFails(t *testing.T) {
	saved := steps
	t.Cleanup(func() { steps = saved })
	steps = append([]step{}, steps[0])
	steps[0].disk = []string{"covers/blank.png"}
	if err := run(context.Background(), &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "want on disk covers/blank.png") {
		t.Errorf("error: %v", err)
	}
}
