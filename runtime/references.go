package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/filecleangen/filecleangen/runtime/internal/deletion"
	"github.com/filecleangen/filecleangen/runtime/internal/guard"
)

// References knows the rows that name files: [references.References] does, for the tables
// of a database; [ReferencesFunc] makes one of a function. It is asked after the
// commit, right before files are deleted, and may be called from several goroutines at
// once.
//
// [references.References]: https://pkg.go.dev/github.com/filecleangen/filecleangen/references#References
type References interface {
	// Ask returns which of the refs some committed row names. Where it returns an error
	// or panics, all files are kept.
	Ask(ctx context.Context, refs []Ref) (Answer, error)
}

// An Answer says which of some files rows name. A file that is in neither list is named
// by no row.
type Answer struct {
	Named   []Ref         // by a committed row
	Unknown map[Ref]error // about which the rows could not be asked: they are kept
}

// ReferencesFunc is a function that returns those of the refs that some row names, for
// rows that are not in a database of package references. Where it returns an error, all
// files are kept.
type ReferencesFunc func(ctx context.Context, refs []Ref) (named []Ref, err error)

// Ask calls f.
func (f ReferencesFunc) Ask(ctx context.Context, refs []Ref) (Answer, error) {
	named, err := f(ctx, refs)
	return Answer{Named: named}, err
}

var errNotSaid = errors.New("nobody can tell, and it was not said why")

// asks reports whether the rows are asked before a file goes.
func (c *Cleaner) asks() bool { return c.references != nil }

// question asks the rows.
func (c *Cleaner) question(ctx context.Context, refs []Ref) (answer Answer, err error) {
	err = guard.Call(func() (err error) {
		answer, err = c.references.Ask(ctx, refs)
		return err
	})
	return answer, err
}

// ask keeps what the rows name, and everything that nobody can tell of.
func (c *Cleaner) ask(ctx context.Context, files []*deletion.File) {
	var refs []Ref
	for _, f := range files {
		if f.State == deletion.Undecided {
			refs = append(refs, f.Ref)
		}
	}
	if !c.asks() || len(refs) == 0 {
		return
	}
	answer, err := c.question(ctx, refs)
	named := make(map[Ref]struct{}, len(answer.Named))
	for _, ref := range answer.Named {
		named[ref] = struct{}{}
	}
	for _, f := range files {
		if unknown, is := answer.Unknown[f.Ref]; err != nil || is {
			keepFile(f, CheckFailed, fmt.Errorf("asking the rows: %w", cmp.Or(err, unknown, errNotSaid)))
		} else if _, ok := named[f.Ref]; ok {
			keepFile(f, StillInUse, nil)
		}
	}
}
