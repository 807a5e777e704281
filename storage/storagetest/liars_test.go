package storagetest_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/storage/storagetest"
)

// The checks.
const (
	write      = "a file can be created (O_EXCL), read and removed"
	seen       = "a file is seen to be one"
	missing    = "a missing file is fs.ErrNotExist"
	neighbours = "Remove removes no other file"
	spellings  = "names that differ are different files"
	unusual    = "unusual names work"
	directory  = "a directory is seen to be one"
	full       = "a directory with files in it is not removed (option prune)"
	again      = "a file that exists is not created again (O_EXCL)"
	race       = "of several who create a file one does"
	atOnce     = "several goroutines can use it at once"
	many       = "RemoveMany, where there is one, removes the files"
	manyOthers = "RemoveMany removes no other file"
	manyMost   = "RemoveMany takes as many names as MaxRemove says"
)

// lie is a storage that lies in one way, and what must be found.
type lie struct {
	storage liar
	verdict storagetest.Verdict
	checks  []string
}

func statLies() map[string]lie {
	return map[string]lie{
		"says that some files are missing": {
			liar{stat: func(files afero.Fs, name string) (os.FileInfo, error) {
				if strings.HasSuffix(name, "/seen/file") {
					return nil, fs.ErrNotExist
				}
				return files.Stat(name)
			}},
			storagetest.Leaks, []string{seen},
		},
		"takes files for directories": {
			liar{stat: func(files afero.Fs, name string) (os.FileInfo, error) {
				return files.Stat(strings.TrimSuffix(name, "/file"))
			}},
			storagetest.Leaks, []string{seen},
		},
		"says that some missing files are there": {
			liar{stat: func(files afero.Fs, name string) (os.FileInfo, error) {
				return files.Stat(strings.TrimSuffix(name, "/not"))
			}},
			storagetest.Leaks, []string{missing},
		},
		"has its own error for missing files": {
			liar{stat: func(files afero.Fs, name string) (os.FileInfo, error) {
				info, err := files.Stat(name)
				if err != nil && strings.HasSuffix(name, "not") {
					return nil, errOwn
				}
				return info, err
			}},
			storagetest.Leaks, []string{missing},
		},
		"takes directories for files": {
			liar{stat: func(files afero.Fs, name string) (os.FileInfo, error) {
				if strings.HasSuffix(name, "/dir") {
					name += "/file"
				}
				return files.Stat(name)
			}},
			storagetest.Unsafe, []string{directory},
		},
	}
}

func removeLies() map[string]lie {
	return map[string]lie{
		"removes nothing": {
			liar{remove: func(afero.Fs, string) error { return nil }},
			storagetest.Leaks, []string{write},
		},
		"has its own error for the removal of a missing file": {
			liar{remove: func(files afero.Fs, name string) error {
				err := files.Remove(name)
				if errors.Is(err, fs.ErrNotExist) {
					return errOwn
				}
				return err
			}},
			storagetest.Leaks, []string{missing},
		},
		"says that it has removed what is not there": {
			liar{remove: func(files afero.Fs, name string) error { // as object stores do
				if err := files.Remove(name); !errors.Is(err, fs.ErrNotExist) {
					return err
				}
				return nil
			}},
			storagetest.OK, nil,
		},
		"removes by prefix": {
			liar{remove: func(files afero.Fs, name string) error {
				if strings.HasSuffix(name, "near/one") {
					return asPrefix(files, name)
				}
				return files.Remove(name)
			}},
			storagetest.Unsafe, []string{neighbours},
		},
		"takes names for patterns": {
			liar{remove: func(files afero.Fs, name string) error {
				if strings.Contains(name, "/near/") {
					return asPattern(files, name)
				}
				return files.Remove(name)
			}},
			storagetest.Unsafe, []string{neighbours},
		},
		"removes a directory with all that is in it": {
			liar{remove: func(files afero.Fs, name string) error {
				if strings.HasSuffix(name, "/full") {
					return files.RemoveAll(name)
				}
				return files.Remove(name)
			}},
			storagetest.Unsafe, []string{full},
		},
		"removes without a dot at the end": {liar{remove: trimmed(".")}, storagetest.Unsafe, []string{spellings}},
		"can't remove names with a plus": {
			liar{remove: func(files afero.Fs, name string) error {
				if strings.Contains(name, "+") {
					return nil
				}
				return files.Remove(name)
			}},
			storagetest.Leaks, []string{unusual},
		},
		"can't be used by several": {
			liar{remove: func(files afero.Fs, name string) error {
				if strings.Contains(name, "/parallel/") {
					panic("a map is written by two goroutines")
				}
				return files.Remove(name)
			}},
			storagetest.Unsafe, []string{atOnce},
		},
	}
}

func nameLies() map[string]lie {
	named := func(f func(string) string) lie {
		return lie{liar{name: f}, storagetest.Unsafe, []string{spellings}}
	}
	return map[string]lie{
		"ignores case":                 named(strings.ToLower),
		"ignores Unicode normal forms": named(func(name string) string { return strings.ReplaceAll(name, "e\u0301", "\u00e9") }),
		"ignores a space at the end":   named(func(name string) string { return strings.TrimSuffix(name, " ") }),
		"takes escapes for what they mean": named(func(name string) string {
			return strings.ReplaceAll(name, "%42", "B")
		}),
		"cuts long names": named(func(name string) string { return name[:min(len(name), 120)] }),
	}
}

func createLies() map[string]lie {
	created := func(says bool, create func(afero.Fs, string, int) (afero.File, error), verdict storagetest.Verdict, checks ...string) lie {
		return lie{liar{says: says, create: create}, verdict, checks}
	}
	return map[string]lie{
		"knows no O_EXCL, and says so":                  created(false, ignoreExclusive, storagetest.Note, again, race),
		"overwrites, and says so":                       created(false, overwrite, storagetest.Note, again, race),
		"looks first, and says so":                      created(false, racing(), storagetest.Note, race),
		"has its own error for what exists, no promise": created(false, ownErrorIfThere, storagetest.Note, again, race),
		"promises, and knows no O_EXCL":                 created(true, ignoreExclusive, storagetest.Unsafe, again, race),
		"promises, and overwrites":                      created(true, overwrite, storagetest.Unsafe, again, race),
		"promises, and looks first":                     created(true, racing(), storagetest.Unsafe, race),
		"promises, and has its own error":               created(true, ownErrorIfThere, storagetest.Unsafe, again, race),
		"promises, and keeps it":                        created(true, nil, storagetest.OK),
		"truncates what it refuses":                     created(false, truncateAndRefuse, storagetest.Unsafe, again),
		"loses what is written":                         created(false, forget, storagetest.Unsafe, write),
	}
}

func manyLies() map[string]lie {
	removes := func(f func(afero.Fs, []string) error, verdict storagetest.Verdict, checks ...string) lie {
		return lie{liar{removeMany: f}, verdict, checks}
	}
	return map[string]lie{
		"removes many": removes(removeEach, storagetest.OK),
		"leaves some of many": removes(func(files afero.Fs, names []string) error {
			for _, name := range names {
				if !strings.HasSuffix(name, "%") {
					_ = files.Remove(name)
				}
			}
			return nil
		}, storagetest.Leaks, many),
		"has an error for missing ones of many": removes(func(files afero.Fs, names []string) error {
			var errs []error
			for _, name := range names {
				if err := files.Remove(name); err != nil && !strings.Contains(name, "/most/") {
					errs = append(errs, err)
				}
			}
			return errors.Join(errs...)
		}, storagetest.Leaks, many),
		"removes many by prefix": removes(func(files afero.Fs, names []string) error {
			for _, name := range names {
				_ = asPrefix(files, name)
			}
			return nil
		}, storagetest.Unsafe, manyOthers),
		"removes directories among many": removes(func(files afero.Fs, names []string) error {
			for _, name := range names {
				_ = files.RemoveAll(name)
			}
			return nil
		}, storagetest.Unsafe, manyOthers),
		"takes names for patterns among many": removes(func(files afero.Fs, names []string) error {
			for _, name := range names {
				if err := files.Remove(name); err != nil {
					_ = asPattern(files, name)
				}
			}
			return nil
		}, storagetest.Unsafe, manyOthers),
		"stops early without a word": removes(func(files afero.Fs, names []string) error {
			return removeEach(files, names[:min(len(names), 20)])
		}, storagetest.Leaks, manyMost),
		"takes fewer than it says": removes(func(files afero.Fs, names []string) error {
			if len(names) > 20 {
				return errors.New("MalformedXML")
			}
			return removeEach(files, names)
		}, storagetest.Leaks, manyMost),
	}
}

// TestLiars: each lie is found, and nothing else.
func TestLiars(t *testing.T) {
	for kind, lies := range map[string]map[string]lie{
		"stat": statLies(), "remove": removeLies(), "name": nameLies(), "create": createLies(), "many": manyLies(),
	} {
		for name, l := range lies {
			t.Run(kind+"/"+name, func(t *testing.T) {
				l.storage.Fs = newHonest()
				var files afero.Fs = &l.storage
				if l.storage.removeMany != nil {
					files = manyLiar{&l.storage, 50}
				}
				expect(t, storagetest.Examine(files), l.verdict, l.checks)
			})
		}
	}
}

// expect compares findings: these checks have the verdict, and all others are as should
// be.
func expect(t *testing.T, findings storagetest.Findings, verdict storagetest.Verdict, checks []string) {
	t.Helper()
	want := map[string]storagetest.Verdict{}
	for _, check := range checks {
		want[check] = verdict
	}
	for _, f := range findings {
		w, ok := want[f.Check]
		delete(want, f.Check)
		if !ok {
			w = storagetest.OK
		}
		if f.Verdict != w {
			t.Errorf("%v; want %s", f, w)
		}
		if f.Verdict == storagetest.Note && !strings.Contains(f.Detail, "unique names; don't give it runtime.Exclusive()") {
			t.Errorf("it does not say what follows: %v", f)
		}
	}
	for check := range want {
		t.Errorf("nobody asked whether %s", check)
	}
	if untrusted := findings.Err() != nil; untrusted != (verdict == storagetest.Leaks || verdict == storagetest.Unsafe) {
		t.Errorf("error: %v", findings.Err())
	}
}

// TestExclusive: who is to be given runtime.Exclusive() must keep what that promises.
func TestExclusive(t *testing.T) {
	l := &liar{Fs: newHonest(), create: ignoreExclusive}
	expect(t, storagetest.Examine(l, storagetest.Exclusive()), storagetest.Unsafe, []string{again, race})
	expect(t, storagetest.Examine(newHonest(), storagetest.Exclusive()), storagetest.OK, nil)
}
