package storage

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/afero"
)

// A Folding says which names that differ are one file on a file system. Rows must not
// name a file by two of them: when one row lets go of its name, the file goes that the
// other names.
type Folding struct {
	Case          bool // "A.png" and "a.png" are one file
	Normalization bool // so are two Unicode forms of a name: "é" is one character, or "e" and an accent

	// Unknown: it could not be found out, for example because the directory can't be
	// written to. Then the other fields are what is usual for the operating system:
	// those of Windows fold case, and those of macOS both.
	Unknown bool
}

// Folds reports whether any names are folded.
func (f Folding) Folds() bool { return f.Case || f.Normalization }

// Folding returns which names are one file in the directory. It finds out when it is
// called first: by the names that are there, or else by a file whose random name begins
// with ".filecleangen-", and which it removes again. A directory below may differ, if
// another file system is mounted there, or if it was made to (ext4's casefold).
func (d *DirFs) Folding() Folding {
	d.folding.Do(func() { d.folds = findFolding(d, runtime.GOOS) })
	return d.folds
}

// directory is what a directory must be able to do to be asked.
type directory interface {
	afero.Fs
	afero.Lstater
}

// answer is what is known of one kind of folding.
type answer int

const (
	unknown answer = iota
	likely         // it may also be a second link to the file
	no
	yes
)

func findFolding(dir directory, system string) Folding {
	byCase, byForm := askNames(dir)
	if byCase != no || byForm != no {
		askNewFile(dir, &byCase, &byForm)
	}
	return Folding{
		Case:          byCase.or(system == "windows" || system == "darwin"),
		Normalization: byForm.or(system == "darwin"),
		Unknown:       byCase == unknown || byForm == unknown,
	}
}

func (a answer) or(usual bool) bool {
	if a == unknown {
		return usual
	}
	return a != no
}

// askNames looks for some of the names that are there under other spellings.
func askNames(dir directory) (byCase, byForm answer) {
	const enough = 64
	f, err := dir.Open(".")
	if err != nil {
		return unknown, unknown
	}
	names, _ := f.Readdirnames(enough) // what was read until an error will do
	_ = f.Close()
	for _, name := range names {
		byCase = max(byCase, sameFile(dir, name, otherCase(name)))
		byForm = max(byForm, sameFile(dir, name, otherForm(name)))
	}
	return byCase, byForm
}

// sameFile looks whether a file is also there under another name. That there is another
// file says that they are kept apart; that there is none also, unless the first has
// gone meanwhile.
func sameFile(dir directory, name, other string) answer {
	if other == name {
		return unknown
	}
	otherInfo, _, otherErr := dir.LstatIfPossible(other)
	info, _, err := dir.LstatIfPossible(name)
	switch {
	case err != nil:
		return unknown
	case errors.Is(otherErr, fs.ErrNotExist):
		return no
	case otherErr != nil:
		return unknown
	case os.SameFile(info, otherInfo):
		return likely
	}
	return no
}

// askNewFile makes a file, looks for it under other spellings, and removes it. Nobody
// else has a file of such a name.
func askNewFile(dir directory, byCase, byForm *answer) {
	name := ".filecleangen-" + strings.ToLower(rand.Text()) + "-\u00e9"
	f, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return
	}
	_ = f.Close()
	defer func() { _ = dir.Remove(name) }()
	ask := func(other string, a *answer) {
		switch _, _, err := dir.LstatIfPossible(other); {
		case err == nil:
			*a = yes
		case errors.Is(err, fs.ErrNotExist):
			*a = no
		}
	}
	ask(otherCase(name), byCase)
	ask(otherForm(name), byForm)
}

// otherCase returns the name with its ASCII letters in capitals, or in small letters
// where that is how they are.
func otherCase(name string) string {
	if capitals := shifted(name, 'a', 'A'); capitals != name {
		return capitals
	}
	return shifted(name, 'A', 'a')
}

// shifted replaces the letters of one alphabet by those of another. It leaves bytes as
// they are that are no UTF-8.
func shifted(name string, from, to byte) string {
	b := []byte(name)
	for i, c := range b {
		if from <= c && c <= from+'z'-'a' {
			b[i] = c - from + to
		}
	}
	return string(b)
}

// otherForm returns the name with some letters in their other Unicode normal form. Where
// none of them occurs, a new file tells: there are too many to know all.
func otherForm(name string) string { return forms.Replace(name) }

var forms = strings.NewReplacer(
	"\u00e4", "a\u0308", "\u00e9", "e\u0301", "\u00f6", "o\u0308", "\u00fc", "u\u0308",
	"a\u0308", "\u00e4", "e\u0301", "\u00e9", "o\u0308", "\u00f6", "u\u0308", "\u00fc",
)
