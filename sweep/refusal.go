package sweep

import (
	"errors"
	"fmt"
	"strings"
)

// A Why is a reason for which a scan makes no plan, unless it is told to go on: see [Allow].
type Why string

// Why a scan refuses. Each was a cause of an incident in some other program, or would have
// been seen before one.
const (
	EmptyTables   Why = "empty-tables"   // tables whose rows name files have no rows, and there are orphans: another database, or one that was restored in part
	GoneColumns   Why = "gone-columns"   // columns that programs told of are not in the database any more: they may be called otherwise now
	OtherPrograms Why = "other-programs" // columns of other programs name files here: what is derived from these files, or a default, only those programs know
	KeepOption    Why = "keep-option"    // fields with the option keep have files here: such files look like orphans when their records are gone
	ManyDangling  Why = "many-dangling"  // so many rows have no file: another storage, or rows hold something else than names
	ManyOrphans   Why = "many-orphans"   // so many files have no row
	Restored      Why = "restored"       // orphans are newer than all files that rows name: the database may have been restored
	Clocks        Why = "clocks"         // the clocks of this computer, the database and the storage differ: nobody knows how old a file is
)

// whys are what a refusal counts, for people.
var whys = map[Why]string{
	EmptyTables: "tables", GoneColumns: "columns", OtherPrograms: "columns", KeepOption: "fields",
	ManyDangling: "names", ManyOrphans: "files", Restored: "files", Clocks: "seconds",
}

// A Refusal is a reason against a plan.
type Refusal struct {
	Why   Why    `json:"why"`
	Count int64  `json:"count"` // what [Allow] must allow at least
	Seen  string `json:"seen"`  // what speaks against it, for people
}

// String says what was seen, and what goes on.
func (r Refusal) String() string {
	return fmt.Sprintf("%s. If that is as it should be, go on with sweep.Allow(%q, %d)", r.Seen, r.Why, r.Count)
}

// ErrRefused is wrapped by the error of a scan that makes no plan. The report has the
// refusals.
var ErrRefused = errors.New("the sweep refuses to make a plan")

// refuse adds a refusal to the report, unless it is allowed.
func (s *scan) refuse(why Why, count int64, format string, args ...any) {
	if upTo, ok := s.allowed[why]; count > 0 && (!ok || count > upTo) {
		s.report.Refused = append(s.report.Refused, Refusal{why, count, fmt.Sprintf(format, args...)})
	}
}

func refusal(refused []Refusal) error {
	if len(refused) == 0 {
		return nil
	}
	all := make([]string, len(refused))
	for i, r := range refused {
		all[i] = r.String()
	}
	return fmt.Errorf("%w: %s", ErrRefused, strings.Join(all, "; "))
}
