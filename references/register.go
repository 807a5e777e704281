package references

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/runtime"
)

// The tables of an outbox that say which columns name files, and which database it is.
const (
	columnTable = "filecleangen_outbox_column"
	idTable     = "filecleangen_outbox_id"
)

// registration is what a program tells others of a column, or of a function: then
// table and column are empty.
type registration struct{ storage, table, column, form, meaning string }

func (g registration) String() string {
	if g.table == "" {
		return "a function"
	}
	return g.table + "." + g.column
}

// A Registration is a column, or a function, that a program told others of.
type Registration struct {
	Program       string
	Storage       string
	Table, Column string    // empty for a function
	Form          string    // text, json, array or function
	Meaning       string    // what a value means: "" for a name, "prefix …" and a prefix, or "function"
	Seen          time.Time // when the program said so last
}

func (g *Registration) registration() registration {
	return registration{g.Storage, g.Table, g.Column, g.Form, g.Meaning}
}

// Register tells other programs that share the database, and other versions of this
// one, which columns name files: they ask those, too, and delete nothing in a storage
// of which a program told a function, which they can't call. So a relay of the version
// before this one keeps what only a column names that it never heard of. [New] and
// outbox.New call it.
//
// A column that is gone from the database does not count any more, and what a program
// told that is gone for good can be taken back: see [References.Withdraw]. Before a
// column gets another name, have all programs know that name.
func (r *References) Register(ctx context.Context) error {
	err := r.dialect.Transaction(ctx, r.session, func(tx dialect.Handle) error {
		id, err := r.outboxID(ctx, tx, r.dialect.Lock()) // one program at a time
		if err != nil {
			return fmt.Errorf("the tables of the outbox are not there, or of an older version; call outbox.Migrate, or run outbox.SchemaFrom: %w", err)
		}
		if err := r.register(ctx, tx); err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.id = id
		return nil
	})
	if err != nil {
		return fmt.Errorf("filecleangen: references: %w", err)
	}
	return nil
}

// registerIfThere registers where there is an outbox.
func (r *References) registerIfThere(ctx context.Context) error {
	var there bool
	err := r.dialect.Reading(ctx, r.session, func(tx dialect.Handle) (err error) {
		there, err = r.hasRegister(ctx, tx)
		return err
	})
	if err != nil || !there {
		return err
	}
	return r.Register(ctx)
}

func (r *References) hasRegister(ctx context.Context, tx dialect.Queryer) (bool, error) {
	r.mu.Lock()
	known := r.id != ""
	r.mu.Unlock()
	if known { // that it is gone is an error then
		return true, nil
	}
	there, err := r.dialect.HasTable(ctx, tx, columnTable)
	if err != nil {
		err = fmt.Errorf("whether other programs told of their columns can't be known; let the user of this handle read the table %s: %w", columnTable, err)
	}
	return there, err
}

// outboxID returns the random id of the outbox.
func (r *References) outboxID(ctx context.Context, tx dialect.Queryer, lock string) (id string, err error) {
	err = dialect.QueryRow(ctx, tx, dialect.New(r.dialect, "SELECT id FROM "+idTable+lock), &id)
	return id, err
}

func (r *References) register(ctx context.Context, tx dialect.Handle) error {
	d := r.dialect
	all, err := r.read(ctx, tx)
	if err != nil {
		return err
	}
	missing := r.registrations()
	for _, told := range all {
		if told.Program == r.program {
			delete(missing, told.registration())
		}
	}
	for g := range missing {
		s := dialect.New(d, "INSERT INTO "+columnTable+" (program, storage, in_table, in_column, form, meaning) VALUES ").
			Add("(?, ?, ?, ?, ?, ?)", r.program, g.storage, g.table, g.column, g.form, g.meaning).Raw(d.KeepExisting("program"))
		if _, err := dialect.Exec(ctx, tx, s); err != nil {
			return fmt.Errorf("telling other programs of %s: %w", g, err)
		}
	}
	_, err = dialect.Exec(ctx, tx, dialect.New(d, "UPDATE "+columnTable).Add(" SET seen_at = "+d.Now()+" WHERE program = ?", r.program))
	return err
}

// registrations returns what this program tells others.
func (r *References) registrations() map[registration]struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[registration]struct{}{}
	for _, columns := range r.own {
		for _, c := range columns {
			all[c.registration()] = struct{}{}
		}
	}
	for storage := range r.funcs {
		all[registration{storage: storage, form: Elsewhere.String()}] = struct{}{}
	}
	return all
}

// Registered returns what all programs told of their columns, in order.
func (r *References) Registered(ctx context.Context) (all []Registration, err error) {
	err = r.Reading(ctx, func(tx runtime.Tx) error {
		all, err = r.read(ctx, tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("filecleangen: references: %w", err)
	}
	return all, nil
}

func (r *References) read(ctx context.Context, tx dialect.Queryer) (all []Registration, err error) {
	s := dialect.New(r.dialect, "SELECT program, storage, in_table, in_column, form, meaning, seen_at FROM "+columnTable)
	err = dialect.QueryAll(ctx, tx, s, func(rows *sql.Rows) error {
		var g Registration
		var seen int64
		if err := rows.Scan(&g.Program, &g.Storage, &g.Table, &g.Column, &g.Form, &g.Meaning, &seen); err != nil {
			return err
		}
		g.Seen = time.UnixMilli(seen)
		all = append(all, g)
		return nil
	})
	slices.SortFunc(all, func(a, b Registration) int {
		return cmp.Or(cmp.Compare(a.Program, b.Program), cmp.Compare(a.Storage, b.Storage), cmp.Compare(a.Table, b.Table), cmp.Compare(a.Column, b.Column))
	})
	return all, err
}

// Withdraw takes back what a program told others of, because it is gone for good, or
// uses these columns no more, and returns how much that was. What only its columns
// name is deleted from then on.
func (r *References) Withdraw(ctx context.Context, program string) (n int64, err error) {
	err = r.Transaction(ctx, func(tx runtime.Tx) error {
		n, err = dialect.Exec(ctx, tx, dialect.New(r.dialect, "DELETE FROM "+columnTable).Add(" WHERE program = ?", program))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("filecleangen: references: %w", err)
	}
	return n, nil
}

// learn reads what programs told of a storage, and reports whether there is something
// new in it. It fails if there is something that only another program can ask.
func (r *References) learn(ctx context.Context, tx dialect.Handle, storage string) (changed bool, err error) {
	if there, err := r.hasRegister(ctx, tx); err != nil || !there {
		return false, err
	}
	all, err := r.read(ctx, tx)
	if err != nil {
		return false, err
	}
	own, told := r.registrations(), map[registration]bool{}
	for _, other := range all {
		g := other.registration()
		_, ours := own[g]
		if ours = ours && (other.Program == r.program || !g.hasFunction()); ours || g.storage != storage {
			continue
		}
		told[g] = true
		is, err := r.learnOne(ctx, tx, other, g)
		if err != nil {
			return false, err
		}
		changed = changed || is
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for g := range r.others {
		if g.storage == storage && !told[g] { // it was taken back
			delete(r.others, g)
			changed = true
		}
	}
	return changed, nil
}

// learnOne finds a column that another program told of.
func (r *References) learnOne(ctx context.Context, tx dialect.Handle, told Registration, g registration) (changed bool, err error) {
	r.mu.Lock()
	was, known := r.others[g]
	r.mu.Unlock()
	if known && was != nil {
		return false, nil // if it is gone, the question says so
	}
	form, mapping, can := g.parse()
	if !can {
		return false, fmt.Errorf("program %q said that %s names files of storage %q, in the form %q, which only it can ask: have this program know of it, or take it back with References.Withdraw(ctx, %[1]q)", told.Program, g, g.storage, cmp.Or(g.meaning, g.form))
	}
	c := &column{storage: g.storage, table: g.table, form: form, many: true, mapping: mapping}
	c.source.Column = g.column
	err = r.look(ctx, tx, c)
	if err != nil && !errors.Is(err, dialect.ErrNoColumn) { // it may be of another type now
		again := *c
		again.form, again.many = Auto, false
		if again.source.Column = g.column; r.look(ctx, tx, &again) == nil {
			c, err = &again, nil
		}
	}
	if errors.Is(err, dialect.ErrNoColumn) {
		r.once(ctx, "gone "+g.String(), "filecleangen: a column of which another program said that it names files is gone, and does not count any more",
			slog.String("program", told.Program), slog.String("table", g.table), slog.String("column", g.column))
		c, err = nil, nil
	}
	if err != nil {
		return false, fmt.Errorf("program %q said that %s names files of storage %q: %w", told.Program, g, g.storage, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.others[g] = c
	return c != nil, nil
}

// hasFunction reports whether a function of the program is needed to ask.
func (g registration) hasFunction() bool {
	return g.form == Elsewhere.String() || g.meaning == functionForm
}

// parse returns what a registration means, if this program can know.
func (g registration) parse() (form Form, m Mapping, can bool) {
	m, can = mappingOf(g.meaning)
	if can && g.table != "" {
		for form, name := range formNames {
			if name == g.form && form != Elsewhere {
				return form, m, true
			}
		}
	}
	return Auto, m, false
}

// once logs something the first time.
func (r *References) once(ctx context.Context, what, message string, attrs ...slog.Attr) {
	if r.first(what) {
		r.warn(ctx, message, attrs...)
	}
}
