package storagetest_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/storage"
	"github.com/filecleangen/filecleangen/storage/storagetest"
)

// subject is a storage as the table in docs/storages.md has it.
type subject struct {
	name    string
	storage afero.Fs
	options []storagetest.Option
}

// place makes a directory with neighbours that must not be reached, and returns
// its path and what Examine must know.
func place(t *testing.T) (base string, options []storagetest.Option) {
	t.Helper()
	top := t.TempDir()
	base = filepath.Join(top, "media")
	for _, name := range []string{"media/old", "media-private/secret", "outside/victim"} {
		path := filepath.Join(top, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../outside", filepath.Join(base, "link")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	options = append(options, storagetest.Existing("old"))
	for name, path := range map[string]string{"../media-private/secret": "media-private/secret", "link/victim": "outside/victim"} {
		options = append(options, storagetest.Outside(name, func() bool {
			_, err := os.Stat(filepath.Join(top, filepath.FromSlash(path)))
			return err == nil
		}))
	}
	return base, options
}

func subjects(t *testing.T) []subject {
	t.Helper()
	dirBase, dirOptions := place(t)
	dir, err := storage.Dir(dirBase)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	osBase, osOptions := place(t)
	t.Chdir(osBase) // the names of OsFs are relative to it
	base, options := place(t)
	layer := func() afero.Fs {
		m := afero.NewMemMapFs()
		if err := afero.WriteFile(m, "old", nil, 0o644); err != nil {
			t.Fatal(err)
		}
		return m
	}
	old := []storagetest.Option{storagetest.Existing("old")}
	return []subject{
		{"`storage.Dir`", dir, dirOptions},
		{"`OsFs`", afero.NewOsFs(), osOptions},
		{"`BasePathFs` on `OsFs`", afero.NewBasePathFs(afero.NewOsFs(), base), options},
		{"`MemMapFs`", layer(), old},
		{"`BasePathFs` on `MemMapFs`", afero.NewBasePathFs(afero.NewMemMapFs(), "/media"), nil},
		{"`CopyOnWriteFs`", afero.NewCopyOnWriteFs(layer(), afero.NewMemMapFs()), old},
		{"`CacheOnReadFs`", afero.NewCacheOnReadFs(layer(), afero.NewMemMapFs(), 0), old},
		{"`ReadOnlyFs`", afero.NewReadOnlyFs(layer()), old},
	}
}

// raceLost is what the table says of wrappers of MemMapFs, which lose the race in most
// runs, but not in all.
const raceLost = "of several who create a file one does"

var aroundMemory = regexp.MustCompile("on `MemMapFs|CopyOnWriteFs")

var update = flag.Bool("update", false, "rewrite the table in docs/storages.md")

// TestVerdicts: the table in docs/storages.md is what the storages of afero are
// found to be.
func TestVerdicts(t *testing.T) {
	repository, err := filepath.Abs("../..") // before the directory is changed
	if err != nil {
		t.Fatal(err)
	}
	if dir, err := storage.Dir(t.TempDir()); err != nil || dir.Folding().Folds() {
		t.Skip("the table is about file systems that keep names apart; here:", err)
	}
	path := filepath.Join(repository, "docs", "storages.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := table(t, aferoVersion(t, repository))
	want, ok := replaceTable(string(page), found)
	switch {
	case !ok:
		t.Fatalf("docs/storages.md has no table that begins with %q", tableHead)
	case want == string(page):
	case *update:
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the table in docs/storages.md is not what was found:\n%s\nIf it is meant: go test ./storage/storagetest -run TestVerdicts -update", found)
	}
}

const tableHead = "| storage (afero "

// table examines the storages, and returns the table.
func table(t *testing.T, version string) string {
	t.Helper()
	lines := []string{tableHead + version + ") | verdict | not true |", "|---|---|---|"}
	for _, s := range subjects(t) {
		findings := storagetest.Examine(s.storage, s.options...)
		t.Logf("%s:\n%v", s.name, findings)
		var because []string
		for i := range findings {
			f := &findings[i]
			if f.Check == raceLost && f.Verdict == storagetest.OK && aroundMemory.MatchString(s.name) {
				f.Verdict = storagetest.Note
			}
			if f.Verdict != storagetest.OK {
				because = append(because, f.Check)
			}
		}
		lines = append(lines, fmt.Sprintf("| %s | %s | %s |", s.name, findings.Verdict(), strings.Join(because, "; ")))
	}
	return strings.Join(lines, "\n") + "\n"
}

// replaceTable returns the page with another table in place of the one that it has.
func replaceTable(page, table string) (string, bool) {
	before, rest, ok := strings.Cut(page, tableHead)
	if !ok {
		return page, false
	}
	_, rest, _ = strings.Cut(rest, "\n")
	for strings.HasPrefix(rest, "|") {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	return before + table + rest, true
}

func aferoVersion(t *testing.T, repository string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(repository, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`github.com/spf13/afero (v\S+)`).FindSubmatch(data)
	if version == nil {
		t.Fatal("no afero")
	}
	return string(version[1])
}
