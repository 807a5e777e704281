package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
)

// A TriggerProblem says what is wrong with a trigger.
type TriggerProblem string

// What can be wrong with a trigger.
const (
	TriggerMissing  TriggerProblem = "missing"  // nothing on the table does its work
	TriggerOutdated TriggerProblem = "outdated" // it does what other references, or another version, asked for
	TriggerDisabled TriggerProblem = "disabled" // it is there, and does nothing
	TriggerUnwanted TriggerProblem = "unwanted" // the table's rows name no files any more
)

// A TriggerFault is a trigger that is not as the references ask for.
type TriggerFault struct {
	Problem TriggerProblem
	Table   string // with its schema; "" for what triggers call
	Event   string // insert, update, delete or truncate; or cascade and letters, see the package documentation
	Name    string // of the trigger that is there, or of the one that is missing
}

// String returns the fault as a sentence for people.
func (f TriggerFault) String() string {
	if f.Table == "" {
		return fmt.Sprintf("%s, which triggers call (%s), is %s", f.Name, f.Event, f.Problem)
	}
	return fmt.Sprintf("the trigger %s on %s (%s) is %s", f.Name, f.Table, f.Event, f.Problem)
}

// ErrTriggers says that triggers are not as the references ask for.
var ErrTriggers = errors.New("the triggers of the outbox are not as the references ask for")

// CheckTriggers compares the triggers of this program that are installed with those that
// [Outbox.InstallTriggers] would make, and returns what differs.
func (o *Outbox) CheckTriggers(ctx context.Context) ([]TriggerFault, error) {
	installed, err := o.installedTriggers(ctx)
	if err != nil {
		return nil, o.triggersError(err)
	}
	wanted, err := o.wantedTriggers(ctx, installed)
	if err != nil {
		return nil, o.triggersError(err)
	}
	return faultsOf(wanted, installed), nil
}

func faultsOf(wanted, installed []dialect.TriggerObject) (faults []TriggerFault) {
	add := func(p TriggerProblem, t dialect.TriggerObject) {
		if t.Table != "" {
			faults = append(faults, TriggerFault{p, t.Table, t.Event, t.Name})
		}
	}
	key := func(t dialect.TriggerObject) string { return t.Table + "\x00" + t.Event }
	other, tables := map[string]bool{}, map[string]bool{}
	for _, t := range without(installed, wanted) {
		other[key(t)] = true
	}
	for _, t := range wanted {
		tables[t.Table] = true
	}
	for _, t := range without(wanted, installed) {
		if !other[key(t)] {
			add(TriggerMissing, t)
		}
	}
	for _, t := range without(installed, wanted) {
		if tables[t.Table] {
			add(TriggerOutdated, t)
		} else {
			add(TriggerUnwanted, t)
		}
	}
	if len(faults) == 0 { // triggers that are there call what is not: all statements fail
		for _, t := range without(functionsOf(wanted), installed) {
			faults = append(faults, TriggerFault{TriggerMissing, "", t.Event, t.Name})
		}
	}
	for _, t := range without(installed, enabled(installed)) {
		add(TriggerDisabled, t)
	}
	slices.SortStableFunc(faults, func(a, b TriggerFault) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Event, b.Event), cmp.Compare(a.Problem, b.Problem))
	})
	return faults
}

// A TriggerCheck says what a relay does about triggers that are not as they are to be.
type TriggerCheck uint8

// What a relay does about triggers that are not as they are to be.
const (
	// TriggersWarn logs a warning, if any triggers of this program are installed: who
	// installed none wants none. It is the default.
	TriggersWarn TriggerCheck = iota
	// TriggersRequired makes it an error to make a relay, also where none are installed;
	// what goes wrong later is logged as an error.
	TriggersRequired
	// TriggersIgnored looks at no triggers.
	TriggersIgnored
)

// WithTriggers sets what the relay does about triggers that are not as the references ask
// for ([Outbox.CheckTriggers]), when it is made and every ten minutes.
func WithTriggers(c TriggerCheck) RelayOption {
	return func(r *Relay) error {
		if c > TriggersIgnored {
			return fmt.Errorf("WithTriggers(%d): there is no such check", c)
		}
		r.triggers.what = c
		return nil
	}
}

// triggerCheck is when a relay looks at triggers, and what it does then.
type triggerCheck struct {
	what   TriggerCheck
	mu     sync.Mutex
	next   time.Time
	unseen bool // whether it was looked for what they don't see
}

const checkTriggersEvery = 10 * time.Minute

// checkTriggers returns an error if triggers are required and not as they are to be, and
// logs it if they are to be warned of.
func (r *Relay) checkTriggers(ctx context.Context) error {
	c := &r.triggers
	if c.what == TriggersIgnored || !c.mu.TryLock() {
		return nil
	}
	defer c.mu.Unlock()
	if time.Now().Before(c.next) {
		return nil
	}
	c.next = time.Now().Add(checkTriggersEvery)
	if c.what == TriggersWarn {
		if installed, err := r.outbox.installedTriggers(ctx); err != nil || len(installed) == 0 {
			return nil // a database that does not answer is complained of by all else
		}
	}
	faults, err := r.outbox.CheckTriggers(ctx)
	switch {
	case c.what == TriggersWarn && (err != nil || len(faults) > 0):
		r.logger.LogAttrs(ctx, slog.LevelWarn, "filecleangen: the triggers of the outbox are not as they are to be: call InstallTriggers",
			slog.String("triggers", sentences(faults)), slog.Any("error", err))
		return nil
	case err != nil:
		return fmt.Errorf("%w: %w", ErrTriggers, err)
	case len(faults) > 0:
		return fmt.Errorf("%w; call InstallTriggers: %s", ErrTriggers, sentences(faults))
	}
	if !c.unseen {
		c.unseen = true
		r.warnOfUnseen(ctx)
	}
	return nil
}

// warnOfUnseen logs what triggers don't see of statements, if that is a setting.
func (r *Relay) warnOfUnseen(ctx context.Context) {
	what := ""
	err := r.outbox.reading(ctx, func(tx runtime.Tx) (err error) {
		what, err = r.outbox.dialect.Unseen(ctx, tx)
		return err
	})
	if err == nil && what != "" {
		r.logger.LogAttrs(ctx, slog.LevelWarn, "filecleangen: the triggers of the outbox don't see all", slog.String("unseen", what))
	}
}

// sentences says what is wrong, of many faults only the first ones.
func sentences(faults []TriggerFault) string {
	const most = 10
	var all []string
	for _, f := range faults[:min(len(faults), most)] {
		all = append(all, f.String())
	}
	if n := len(faults) - most; n > 0 {
		all = append(all, fmt.Sprintf("and %d others", n))
	}
	return strings.Join(all, "; ")
}
