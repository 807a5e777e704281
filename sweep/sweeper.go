package sweep

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// A Sweeper scans storages, and releases what it found. It is safe for concurrent use.
type Sweeper struct {
	box         *outbox.Outbox
	cleaner     *runtime.Cleaner
	references  *references.References
	environment string

	minAge   time.Duration
	from, to string
	include  []string
	allowed  map[Why]int64
	now      func() time.Time
}

// An Option configures a [Sweeper].
type Option func(*Sweeper) error

// DefaultMinAge is how old a file must be before it can be an orphan, without [MinAge].
const DefaultMinAge = 24 * time.Hour

// MinAge sets how old a file must be before it can be an orphan: longer than it takes from
// writing a file to committing the row that names it, in all programs. It can't be shorter
// than uploads have time, see [outbox.WithUploadTime].
func MinAge(d time.Duration) Option {
	return func(s *Sweeper) error {
		s.minAge = d
		return nil
	}
}

// Range limits a scan to names from one on, up to another that is not in it; an empty one
// is no limit. What is judged by all names, such as the shapes of rows' names, is judged by
// those in the range.
func Range(from, to string) Option {
	return func(s *Sweeper) error {
		if to != "" && from >= to {
			return fmt.Errorf("Range(%q, %q): there are no names in it", from, to)
		}
		s.from, s.to = from, to
		return nil
	}
}

// Include says that files whose names begin so are this program's, although no row has a
// name of that shape (any more): they may be orphans, and are not foreign.
func Include(prefix string) Option {
	return func(s *Sweeper) error {
		if prefix == "" {
			return errors.New("Include needs the beginning of names")
		}
		s.include = append(s.include, prefix)
		return nil
	}
}

// Allow goes on where a scan refuses for this reason, up to a number: that of the files,
// names or tables that [Refusal.Count] says.
func Allow(why Why, upTo int64) Option {
	return func(s *Sweeper) error {
		if _, known := whys[why]; !known {
			return fmt.Errorf("Allow(%q): no scan refuses for such a reason", why)
		}
		s.allowed[why] = upTo
		return nil
	}
}

// New returns a sweeper for the storages and rows of an outbox. The environment is the one
// that the storages' markers name, as for [outbox.Outbox.Relay].
func New(box *outbox.Outbox, environment string, options ...Option) (*Sweeper, error) {
	if box == nil {
		return nil, errors.New("filecleangen: a sweep needs an outbox")
	}
	s := &Sweeper{
		box: box, cleaner: box.Cleaner(), environment: environment, minAge: DefaultMinAge,
		allowed: map[Why]int64{}, now: time.Now,
	}
	var errs []error
	refs, ok := box.References().(*references.References)
	if s.references = refs; !ok {
		errs = append(errs, errors.New("the outbox has no references of package references"))
	}
	for _, option := range options {
		if option == nil {
			errs = append(errs, errors.New("an option is nil"))
			continue
		}
		errs = append(errs, option(s))
	}
	if floor := box.UploadTime(); s.minAge < floor {
		errs = append(errs, fmt.Errorf("MinAge(%v): uploads have %v until a row names them (outbox.WithUploadTime), and must not be taken for orphans", s.minAge, floor))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("filecleangen: sweep: %w", err)
	}
	return s, nil
}

// storage returns a storage of this environment.
func (s *Sweeper) storage(name string) (afero.Fs, error) {
	files, _ := s.cleaner.Storage(name)
	if files == nil {
		return nil, fmt.Errorf("the cleaner has no storage %q", name)
	}
	if err := outbox.CheckMarker(files, name, s.environment); err != nil {
		return nil, err
	}
	return files, nil
}
