package outbox

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// How long it is known which tables have triggers, after what time the database is asked again
// while that is good still, how long [Outbox.HasTriggers] waits for the first answer, and how
// long the database is asked.
const (
	triggersKnown = 10 * time.Second
	triggersOld   = triggersKnown / 2
	triggersWait  = time.Second
	triggersAsked = 10 * time.Second
)

// HasTriggers reports whether triggers tell the outbox of all files that rows of a table come
// to name, and name no more: those of this program are installed there, enabled, and as the
// references ask for. Layers that would find that out themselves leave it to them then. In
// doubt the answer is no: where the database does not answer within a second, where
// anything on the table differs, or on one of several tables of that name, if it is given
// without a schema.
//
// The database is asked on the handle of the references, and the answer is good for ten
// seconds, or until this outbox installs or removes triggers. See [Outbox.RemoveTriggers] for
// what that means to triggers that somebody else removes.
func (o *Outbox) HasTriggers(ctx context.Context, table string) bool {
	k := &o.triggers
	has, known, old := k.of(table)
	if known && !old {
		return has
	}
	asked := k.ask(o.tablesWithTriggers)
	if known {
		return has
	}
	wait := time.NewTimer(time.Until(asked.at.Add(triggersWait)))
	defer wait.Stop()
	select {
	case <-asked.done:
	case <-wait.C:
	case <-ctx.Done():
	}
	has, known, _ = k.of(table)
	return known && has
}

// tablesWithTriggers returns the tables that are to have triggers, and whether they have all
// of them and no others.
func (o *Outbox) tablesWithTriggers(ctx context.Context) (map[string]bool, error) {
	installed, err := o.installedTriggers(ctx)
	if err != nil || len(installed) == 0 {
		return nil, err
	}
	wanted, err := o.wantedTriggers(ctx, installed)
	if err != nil {
		return nil, err
	}
	missing := without(wanted, enabled(installed))
	if len(functionsOf(missing)) > 0 { // which any of the triggers may call
		return nil, nil
	}
	tables := map[string]bool{}
	for _, t := range wanted {
		tables[t.Table] = true
	}
	for _, t := range slices.Concat(missing, without(installed, wanted)) {
		tables[t.Table] = false
	}
	delete(tables, "") // of functions
	return tables, nil
}

// knownTriggers is what is known of the triggers of this program.
type knownTriggers struct {
	mu       sync.Mutex
	tables   map[string]bool // with their schemas: whether triggers see all that rows name
	until    time.Time       // when the database is to be asked again
	asked    *askedTriggers  // while it is
	changing int             // how many are changing triggers
}

// askedTriggers is a question to the database, which those wait for who need the answer.
type askedTriggers struct {
	at   time.Time
	done chan struct{}
}

// of returns whether a table has triggers, whether that is known, and whether it is time to
// ask.
func (k *knownTriggers) of(table string) (has, known, old bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.changing > 0 {
		return false, true, false
	}
	left := time.Until(k.until)
	return left > 0 && k.has(table), left > 0, left < triggersOld
}

func (k *knownTriggers) has(table string) (has bool) {
	for name, all := range k.tables {
		if isNamed(name, table) {
			if !all {
				return false
			}
			has = true
		}
	}
	return has
}

// isNamed reports whether a table is the one of a name that may have no schema.
func isNamed(table, name string) bool {
	at := len(table) - len(name)
	return at >= 0 && strings.EqualFold(table[at:], name) && (at == 0 || table[at-1] == '.')
}

// ask asks the database, unless somebody does already. Nobody's statement depends on how long
// that takes, and nobody's context ends it.
func (k *knownTriggers) ask(which func(context.Context) (map[string]bool, error)) *askedTriggers {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.asked == nil {
		k.asked = &askedTriggers{time.Now(), make(chan struct{})}
		go k.answer(k.asked, which)
	}
	return k.asked
}

func (k *knownTriggers) answer(asked *askedTriggers, which func(context.Context) (map[string]bool, error)) {
	defer close(asked.done)
	ctx, cancel := context.WithTimeout(context.Background(), triggersAsked)
	defer cancel()
	tables, err := which(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.asked != asked { // triggers have been changed since
		return
	}
	k.asked, k.tables, k.until = nil, tables, asked.at.Add(triggersKnown)
	if err != nil { // not at each statement
		k.tables, k.until = nil, time.Now().Add(triggersKnown)
	}
}

// change is called by who changes triggers: nobody relies on any until done is called.
func (k *knownTriggers) change() (done func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.changing++
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.changing--
		k.tables, k.until, k.asked = nil, time.Time{}, nil
	}
}
