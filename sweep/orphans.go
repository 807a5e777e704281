package sweep

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// candidate is a file that no row of the list names.
type candidate struct {
	storage.File
	kept Kept // why it is no orphan; "" if it is one
}

// A Kept is why a file that no row of the list names is no orphan.
type Kept string

// Why files are kept.
const (
	TooYoung    Kept = "too-young"      // it was written later than [MinAge] before the scan
	UnknownAge  Kept = "unknown-age"    // the storage does not say when it was written
	Irregular   Kept = "irregular"      // it is a link, a device or the like
	UnsafeName  Kept = "unsafe-name"    // no row can name it, see [storage.CheckName]; the marker is one
	ByPolicy    Kept = "policy"         // it is a default, or protected
	OtherRoot   Kept = "other-storage"  // a directory that it is in has a marker: it is the root of another storage
	InOutbox    Kept = "in-outbox"      // it is an upload, or its deletion waits
	NamedNow    Kept = "named"          // a row names it, when it is asked for this name
	NotAnswered Kept = "not-answered"   // the rows can't be asked about it
	OtherForm   Kept = "other-spelling" // a row names a file that is missing, and whose name is the same but for case or the form of accents
	IsForeign   Kept = "foreign"        // no row has a name of its shape, and it was not included
)

// judgeOrphans looks at each file that no row of the list names.
func (s *scan) judgeOrphans(ctx context.Context) error {
	s.folded.sort()
	return chunks(s.orphans, func(texts []string) error {
		files := make([]storage.File, len(texts))
		for i, text := range texts {
			files[i] = unpacked(text)
		}
		judged, err := s.judge(ctx, files, s.cutoff)
		if err != nil {
			return err
		}
		for i := range judged {
			if err := s.note(&judged[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// note counts a file, and writes it to the plan.
func (s *scan) note(c *candidate) error {
	if c.kept == "" {
		c.kept = s.keptByNames(c.Name)
	}
	if c.kept == "" {
		s.report.orphan(c.Name, c.Info)
		return s.plan.write(line{Kind: isOrphan, Name: c.Name, Size: c.Info.Size(), Modified: c.Info.ModTime()})
	}
	s.report.Kept[c.kept]++
	if c.kept == IsForeign {
		s.report.foreign(shapeOf(c.Name), c.Name, c.Info.Size())
	}
	if c.kept == OtherForm || c.kept == NamedNow || c.kept == NotAnswered {
		return s.plan.write(line{Kind: isKept, Name: c.Name, Why: c.kept})
	}
	return nil
}

// keptByNames returns why a file is kept by what other names there are.
func (s *scan) keptByNames(name string) Kept {
	if s.folded.has(name) {
		return OtherForm
	}
	for _, prefix := range s.include {
		if strings.HasPrefix(name, prefix) {
			return ""
		}
	}
	if !s.shapes.has(name) {
		return IsForeign
	}
	return ""
}

// judge says of each file whether it is an orphan by all but what other names there are.
// Files that are gone are left out.
func (s *scan) judge(ctx context.Context, files []storage.File, cutoff time.Time) (judged []candidate, err error) {
	var names []string
	for _, f := range files {
		c := candidate{File: f}
		switch err := s.look(&c, cutoff); {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, err
		}
		judged = append(judged, c)
		if c.kept == "" {
			names = append(names, c.Name)
		}
	}
	known, err := s.box.Status(ctx, s.name, names)
	if err != nil {
		return nil, err
	}
	said, err := s.ask(ctx, names)
	if err != nil {
		return nil, err
	}
	for i := range judged {
		c := &judged[i]
		status, inOutbox := known[c.Name]
		_, named := said.named[c.Name]
		switch {
		case c.kept != "":
		case inOutbox && status.Gone.IsZero():
			c.kept = InOutbox
		case named:
			c.kept = NamedNow
		case said.unknown[c.Name] != nil:
			c.kept = NotAnswered
		}
	}
	return judged, nil
}

// look keeps a file by what it is itself.
func (s *scan) look(c *candidate, cutoff time.Time) (err error) {
	if !isSafe(c.Name) {
		c.kept = UnsafeName
		return nil
	}
	if c.Info == nil {
		if c.Info, err = storage.Lstat(s.files, c.Name); err != nil {
			return err
		}
		c.Mode = c.Info.Mode().Type()
	}
	other, err := s.roots.has(c.Name)
	if err != nil {
		return err
	}
	why, _ := s.cleaner.Policy(runtime.Ref{Storage: s.name, Name: c.Name})
	switch at := c.Info.ModTime(); {
	case other:
		c.kept = OtherRoot
	case c.Mode != 0:
		c.kept = Irregular
	case why != "":
		c.kept = ByPolicy
	case at.Before(earliest):
		c.kept = UnknownAge
	case at.After(cutoff):
		c.kept = TooYoung
		s.report.future(at, s.now())
	}
	return nil
}

func isSafe(name string) bool { return storage.CheckName(name) == nil }

// earliest is before all times that were not made up: storages that don't know say 1970,
// and archives 1980.
var earliest = time.Date(1981, 1, 1, 0, 0, 0, 0, time.UTC)
