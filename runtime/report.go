package runtime

import (
	"fmt"
	"strings"
)

// An Outcome is how a batch ended.
type Outcome string

// How a batch ends.
const (
	Committed  Outcome = "committed"
	RolledBack Outcome = "rolled back"
	Unknown    Outcome = "outcome unknown" // commit failed: the database may have done either
	Flushed    Outcome = "flushed"         // to an outbox, in a transaction that the caller commits
)

// A Reason is why a file is no longer wanted.
type Reason string

// Why a file goes.
const (
	Updated Reason = "updated" // a record names another file, or none, in its place
	Deleted Reason = "deleted" // the record was deleted
	Unused  Reason = "unused"  // it was uploaded for a transaction that did not come to name it
	Orphan  Reason = "orphan"  // a sweep found it, and no row that names it
)

// A Status is what became of a file.
type Status string

// What becomes of a file.
const (
	Removed Status = "removed" // deleted from its storage
	Missing Status = "missing" // there was no such file when it was to be deleted
	Kept    Status = "kept"    // not deleted, on purpose; Cause says why
	Pending Status = "pending" // not deleted yet: the deletion failed, or there was no time for it, and is tried again in the background; or it is in the outbox
	Failed  Status = "failed"  // the storage returned an error, or panicked, and it is not tried again
)

// A Result says what became of one file that was released, or uploaded and not wanted in
// the end. It is also what an [Observer] is told.
type Result struct {
	Ref    Ref
	Type   *Type  // the record type that released it; nil for an upload
	Field  *Field // the file field that named it; nil for an upload
	Key    Key    // the record that released it; anonymous for an upload
	Reason Reason
	Status Status
	Cause  Cause // why it was kept; "" for other states
	Err    error // what failed, was refused or vetoed

	// DerivedFrom is the name of the file, in the same storage, with which a
	// derived file goes; "" for others.
	DerivedFrom string
}

// String returns one line for a person.
func (r Result) String() string {
	s := fmt.Sprintf("%s %s", r.Status, r.Ref)
	if from := r.source(); from != "" {
		s += fmt.Sprintf(" (%s %s)", from, r.Reason)
	} else {
		s += fmt.Sprintf(" (%s)", r.Reason)
	}
	if r.Cause != "" {
		s += ": " + r.Cause.Description()
	}
	if r.Err != nil {
		s += ": " + r.Err.Error()
	}
	return s
}

// source returns the "models.Article.Cover" that released the file, or "".
func (r Result) source() string {
	if r.Type == nil {
		return ""
	}
	return r.Type.Name + "." + r.Field.Path
}

// A Report says how a batch ended and what became of each file that it let go of, in the
// order in which they were released. Files that records went on naming unchanged are not
// in it, nor are uploads that were discarded: observers are told of them.
type Report struct {
	Outcome Outcome
	Files   []Result
	Err     error // commit's error, if the outcome is unknown
}

// Of returns the result for a ref, and whether the report has one.
func (r *Report) Of(ref Ref) (Result, bool) {
	if r != nil {
		for _, f := range r.Files {
			if f.Ref == ref {
				return f, true
			}
		}
	}
	return Result{}, false
}

// Count returns the number of files with this status.
func (r *Report) Count(s Status) int {
	n := 0
	if r != nil {
		for _, f := range r.Files {
			if f.Status == s {
				n++
			}
		}
	}
	return n
}

// String returns the outcome and one line for each file.
func (r *Report) String() string {
	if r == nil {
		return "no report"
	}
	var b strings.Builder
	b.WriteString(string(r.Outcome))
	for _, f := range r.Files {
		b.WriteString("\n\t" + f.String())
	}
	return b.String()
}
