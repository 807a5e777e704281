package storagetest_test

import (
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

var inMemory = regexp.MustCompile("MemMapFs|CopyOnWriteFs")

const raceCheck = "of several who create a file one does"

// TestVerdicts: the table in docs/storages.md is what the storages of afero are
// found to be.
func TestVerdicts(t *testing.T) {
	repository, err := filepath.Abs("../..") // before the directory is changed
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(repository, "docs", "storages.md"))
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{"| storage (afero " + aferoVersion(t, repository) + ") | verdict | not true |", "|---|---|---|"}
	for _, s := range subjects(t) {
		findings := storagetest.Examine(s.storage, s.options...)
		t.Logf("%s:\n%v", s.name, findings)
		var because []string
		for i := range findings {
			f := &findings[i]
			if f.Check == raceCheck && inMemory.MatchString(s.name) {
				f.Verdict = storagetest.Unsafe // found in most runs, not in all
			}
			if f.Verdict != storagetest.OK {
				because = append(because, f.Check)
			}
		}
		lines = append(lines, fmt.Sprintf("| %s | %s | %s |", s.name, findings.Verdict(), strings.Join(because, "; ")))
	}
	if table := strings.Join(lines, "\n"); !strings.Contains(string(page), table) {
		t.Errorf("the table in docs/storages.md should be\n%s", table)
	}
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
