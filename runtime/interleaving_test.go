package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/filecleangen/filecleangen/runtime"
)

// TestRandomInterleavings: several transactions at once, whose steps come in any
// order, also while another commits, is asked for references, or deletes. Rows
// are locked by who writes them, and read when they are locked, as the
// documentation asks. Without a reference check a file is named by one row at a
// time; it moves to another within one transaction, or from one that lets go of
// it to another that takes it up, whichever commits first. With a reference
// check, rows may share files, and take them up from rows that others are
// changing.
func TestRandomInterleavings(t *testing.T) {
	for name, shared := range map[string]bool{"one row a file": false, "shared files, with a reference check": true} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) { newCrowd(t, rt, shared).run() })
		})
	}
}

// crowd is transactions that run at the same time.
type crowd struct {
	t      *rapid.T
	w      *world
	shared bool

	committed table
	locks     map[int]*member
	members   []*member
	zombies   []*member // whose commit failed, and may yet succeed
	excused   map[string]bool
	ids       int
	depth     int // how many callbacks we are in
}

// member is one transaction.
type member struct {
	batch *runtime.Batch
	rows  map[int]*doc // what it wrote; nil is deleted
	busy  bool         // it is committing
	bound bool         // somebody relies on its commit
}

func newCrowd(tb testing.TB, t *rapid.T, shared bool) *crowd {
	tb.Helper()
	c := &crowd{t: t, shared: shared, committed: table{}, locks: map[int]*member{}, excused: map[string]bool{}}
	options := []runtime.Option{runtime.WithObserver(runtime.Observer{
		Before: func(context.Context, runtime.Event) error { c.meanwhile(); return nil },
		After:  func(context.Context, runtime.Event) { c.meanwhile() },
	})}
	if shared {
		options = append(options, runtime.WithReferenceCheck(c.named))
	}
	c.w = newWorld(tb, "default.png", options...)
	return c
}

// named is the reference check. Others go on before and after it is answered.
func (c *crowd) named(_ context.Context, refs []runtime.Ref) (named []runtime.Ref, err error) {
	c.meanwhile()
	names := c.committed.names()
	for _, ref := range refs {
		if names[ref.Name] {
			named = append(named, ref)
		}
	}
	c.meanwhile()
	return named, nil
}

func (c *crowd) run() {
	m := &member{batch: c.w.clean.Begin(), rows: map[int]*doc{}}
	c.members = []*member{m}
	for range 3 {
		c.ids++
		row := &doc{ID: c.ids, A: c.upload(m)}
		insert(m.batch, row)
		m.rows[row.ID] = row
	}
	c.end(m, "commit")
	for range rapid.IntRange(1, 30).Draw(c.t, "steps") {
		c.step()
		c.check()
	}
	for len(c.members) > 0 {
		c.end(c.members[0], "commit")
		c.check()
	}
	disk := c.w.left()
	named := c.committed.names()
	for _, z := range c.zombies { // they may land for ever
		maps.Copy(named, c.after(z).names())
	}
	for name := range strings.FieldsSeq(disk) {
		if !named[name] && !c.excused[name] && name != "default.png" {
			c.t.Fatalf("%s was left behind in silence; rows: %v", name, c.committed)
		}
	}
}

// check: no file that a committed row names is gone, at any moment.
func (c *crowd) check() {
	disk := strings.Fields(c.w.left())
	for name := range c.committed.names() {
		if !slices.Contains(disk, name) {
			c.t.Fatalf("a row names %s, which is gone; rows: %v", name, c.committed)
		}
	}
}

// meanwhile runs steps of others inside a callback.
func (c *crowd) meanwhile() {
	if c.depth >= 2 {
		return
	}
	c.depth++
	defer func() { c.depth-- }()
	for range rapid.IntRange(0, 2).Draw(c.t, "meanwhile") {
		c.step()
		c.check()
	}
}

func (c *crowd) step() {
	if len(c.zombies) > 0 && rapid.IntRange(0, 5).Draw(c.t, "land") == 0 {
		z := c.zombies[0]
		c.zombies = c.zombies[1:]
		c.committed = c.after(z)
		c.unlock(z)
		return
	}
	m := c.someone()
	if m == nil {
		return
	}
	switch rapid.SampledFrom([]string{"insert", "update", "update", "delete", "move", "take up", "take up", "commit", "commit", "rollback", "unknown"}).Draw(c.t, "step") {
	case "insert":
		c.ids++
		c.write(m, c.ids, &doc{ID: c.ids, A: c.upload(m)})
	case "update":
		if id, row := c.lock(m); row != nil {
			row.A, row.B = row.B, c.upload(m)
			c.write(m, id, row)
		}
	case "delete":
		if id, row := c.lock(m); row != nil {
			c.write(m, id, nil)
		}
	case "move":
		c.move(m)
	case "take up":
		c.takeUp(m)
	case "commit", "rollback", "unknown":
		c.end(m, "")
	}
}

// someone returns a transaction that can go on, or begins one.
func (c *crowd) someone() *member {
	var idle []*member
	for _, m := range c.members {
		if !m.busy {
			idle = append(idle, m)
		}
	}
	i := rapid.IntRange(0, 3).Draw(c.t, "who")
	if i < len(idle) {
		return idle[i]
	}
	if len(c.members) >= 4 {
		return nil
	}
	m := &member{batch: c.w.clean.Begin(), rows: map[int]*doc{}}
	c.members = append(c.members, m)
	return m
}

// lock locks a row that no other transaction has, and reads it.
func (c *crowd) lock(m *member) (int, *doc) {
	var free []int
	for _, id := range slices.Sorted(maps.Keys(c.after(m))) {
		if owner := c.locks[id]; owner == nil || owner == m {
			free = append(free, id)
		}
	}
	if len(free) == 0 {
		return 0, nil
	}
	id := rapid.SampledFrom(free).Draw(c.t, "row")
	c.locks[id] = m
	row := c.after(m)[id]
	return id, &row
}

// after returns the rows as a transaction sees them.
func (c *crowd) after(m *member) table {
	rows := c.committed.clone()
	for id, row := range m.rows {
		if row == nil {
			delete(rows, id)
		} else {
			rows[id] = *row
		}
	}
	return rows
}

// write writes a row, whose lock the transaction has; nil deletes it.
func (c *crowd) write(m *member, id int, row *doc) {
	c.locks[id] = m
	before, existed := c.after(m)[id]
	old := before.FileSnapshot()
	_ = m.batch.Exec(func(b *runtime.Batch) {
		switch {
		case row == nil:
			before.AfterDelete(b, old)
		case existed:
			row.BeforeUpdate(b, old)
		default:
			row.AfterCreate(b)
		}
	}, func() (int64, error) {
		switch rapid.IntRange(0, 7).Draw(c.t, "write") {
		case 0:
			return 0, errWrite
		case 1:
			return 0, nil
		}
		m.rows[id] = row
		return 1, nil
	})
}

// move hands a file from one row to another, in one transaction.
func (c *crowd) move(m *member) {
	from, row := c.lock(m)
	to, target := c.lock(m)
	if row == nil || target == nil || from == to {
		return
	}
	give := *row
	give.A, target.B = "", row.A
	c.writeAll(m, map[int]*doc{from: &give, to: target}, []int{from, to})
}

// writeAll writes rows that only make sense together: all or none.
func (c *crowd) writeAll(m *member, rows map[int]*doc, order []int) {
	if rapid.Bool().Draw(c.t, "the other first") {
		slices.Reverse(order)
	}
	s, saved := m.batch.Savepoint(), maps.Clone(m.rows)
	for _, id := range order {
		c.write(m, id, rows[id])
		if m.rows[id] != rows[id] { // it failed
			if err := m.batch.RollbackTo(s); err != nil {
				c.t.Fatal(err)
			}
			m.rows = saved
			return
		}
	}
}

// takeUp makes a row name what some row names that is committed, or written by
// the same transaction.
func (c *crowd) takeUp(m *member) {
	if !c.shared {
		c.handOver(m)
		return
	}
	names := slices.Sorted(maps.Keys(c.after(m).names()))
	id, row := c.lock(m)
	if row == nil || len(names) == 0 {
		return
	}
	row.B = rapid.SampledFrom(names).Draw(c.t, "name")
	c.write(m, id, row)
}

// handOver makes a row take up what another transaction, which will commit, has
// let go of.
func (c *crowd) handOver(m *member) {
	for _, from := range c.members {
		if from == m || from.busy {
			continue
		}
		for _, id := range slices.Sorted(maps.Keys(from.rows)) {
			name := c.committed[id].A
			if name == "" || c.namedBeside(name, id) {
				continue
			}
			if to, row := c.lock(m); row != nil {
				row.B = name
				from.bound = true
				c.write(m, to, row)
			}
			return
		}
	}
}

// namedBeside reports whether anything names a file but the committed row with
// this ID.
func (c *crowd) namedBeside(name string, id int) bool {
	rest := c.committed.clone()
	delete(rest, id)
	if rest.names()[name] || c.committed[id].B == name {
		return true
	}
	for _, m := range slices.Concat(c.members, c.zombies) {
		for _, row := range m.rows {
			if row != nil && (row.A == name || row.B == name) {
				return true
			}
		}
	}
	return false
}

func (c *crowd) upload(m *member) string {
	c.ids++
	return c.w.upload(m.batch, fmt.Sprintf("f%d", c.ids))
}

func (c *crowd) end(m *member, how string) {
	if how == "" {
		how = rapid.SampledFrom([]string{"commit", "commit", "rollback", "unknown, committed", "unknown, not committed", "unknown yet"}).Draw(c.t, "end")
	}
	if m.bound {
		how = "commit"
	}
	m.busy = true
	leave := func() {
		c.members = slices.DeleteFunc(c.members, func(o *member) bool { return o == m })
		c.unlock(m)
	}
	switch how {
	case "commit":
		report, err := m.batch.CommitWith(context.Background(), func() error {
			c.committed = c.after(m)
			leave()
			return nil
		})
		if err != nil {
			c.t.Fatal(err)
		}
		c.excuse(report)
	case "rollback":
		leave()
		c.excuse(m.batch.Rollback())
	default:
		maps.Copy(c.excused, c.after(m).names())
		report, _ := m.batch.CommitWith(context.Background(), func() error {
			switch how {
			case "unknown, committed":
				c.committed = c.after(m)
				leave()
			case "unknown, not committed":
				leave()
			default: // its locks stay
				c.members = slices.DeleteFunc(c.members, func(o *member) bool { return o == m })
				c.zombies = append(c.zombies, m)
			}
			return errors.New("connection lost")
		})
		c.excuse(report)
	}
}

func (c *crowd) unlock(m *member) {
	maps.DeleteFunc(c.locks, func(_ int, o *member) bool { return o == m })
}

func (c *crowd) excuse(r *runtime.Report) {
	if r == nil {
		return
	}
	for _, f := range r.Files {
		if f.Status == runtime.Kept || f.Status == runtime.Failed {
			c.excused[f.Ref.Name] = true
		}
	}
}
