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

// table is what a database would have: rows by primary key.
type table map[int]doc

func (t table) clone() table {
	c := maps.Clone(t)
	for id, row := range c {
		row.Gallery = slices.Clone(row.Gallery)
		c[id] = row
	}
	return c
}

// names returns every file that a row names.
func (t table) names() map[string]bool {
	names := map[string]bool{}
	for _, row := range t {
		for _, name := range append([]string{row.A, row.B}, row.Gallery...) {
			if name != "" {
				names[name] = true
			}
		}
	}
	return names
}

// program runs random transactions, one after the other, against a table and a
// storage. Rows never share a file, but fields of one row do.
type program struct {
	t         *rapid.T
	w         *world
	committed table
	anonymous bool // the type has no key that the generator knows
	ids       int
	excused   map[string]bool // files that a report said were kept, or that nobody can know about

	rows  table // in the transaction
	batch *runtime.Batch
	saved []savedRows
}

type savedRows struct {
	rows  table
	point runtime.Savepoint
}

// TestRandomPrograms: whatever transactions do, no file that a row names is
// gone after any of them, and every file that no row names is gone or was
// reported.
func TestRandomPrograms(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := &program{t: rt, w: newWorld(t, "default.png"), committed: table{}, excused: map[string]bool{}}
		p.anonymous = rapid.Bool().Draw(rt, "anonymous")
		for range rapid.IntRange(1, 6).Draw(rt, "transactions") {
			p.transaction()
			p.check()
		}
	})
}

func (p *program) transaction() {
	p.rows, p.batch, p.saved = p.committed.clone(), p.w.clean.Begin(), nil
	steps := map[string]func(){
		"insert": p.insert, "update": p.update, "delete": p.remove, "move": p.move,
		"savepoint": p.savepoint, "rollback to": p.rollbackTo,
	}
	names := slices.Sorted(maps.Keys(steps))
	for range rapid.IntRange(1, 10).Draw(p.t, "steps") {
		steps[rapid.SampledFrom(names).Draw(p.t, "step")]()
	}
	switch rapid.SampledFrom([]string{"commit", "commit", "commit", "rollback", "unknown, committed", "unknown, not committed"}).Draw(p.t, "end") {
	case "commit":
		p.committed = p.rows
		p.excuse(p.w.commit(p.batch))
	case "rollback":
		p.excuse(p.batch.Rollback())
	case "unknown, committed":
		p.committed = p.rows
		p.unknown()
	default:
		p.unknown()
	}
	p.batch.Rollback() // deferred by the user; must not matter
}

func (p *program) unknown() {
	report, _ := p.batch.CommitWith(context.Background(), func() error { return errors.New("connection lost") })
	p.excuse(report)
	// An unknown outcome may leave behind what only the rows of one of the two
	// outcomes named.
	for _, rows := range []table{p.rows, p.committed} {
		maps.Copy(p.excused, rows.names())
	}
}

func (p *program) excuse(r *runtime.Report) {
	for _, f := range r.Files {
		if f.Status == runtime.Kept || f.Status == runtime.Failed {
			p.excused[f.Ref.Name] = true
		}
	}
}

func (p *program) check() {
	disk := map[string]bool{}
	for name := range strings.FieldsSeq(p.w.left()) {
		disk[name] = true
	}
	named := p.committed.names()
	named["default.png"] = true
	for name := range named {
		if !disk[name] {
			p.t.Fatalf("a row names %s, which is gone; rows: %v", name, p.committed)
		}
	}
	for name := range disk {
		if !named[name] && !p.excused[name] {
			p.t.Fatalf("%s was left behind in silence; rows: %v", name, p.committed)
		}
	}
}

// exec runs a write with an outcome of chance; apply changes the rows.
func (p *program) exec(hook func(*runtime.Batch), apply func(), mayFail bool) {
	outcome := "done"
	if mayFail {
		outcome = rapid.SampledFrom([]string{"done", "done", "done", "error", "no row"}).Draw(p.t, "write")
	}
	_ = p.batch.Exec(hook, func() (int64, error) {
		switch outcome {
		case "error":
			return failed()
		case "no row":
			return noRow()
		}
		apply()
		return 1, nil
	})
}

// record returns the record as the generated methods see it.
func (p *program) record(row doc) *doc {
	if p.anonymous {
		row.ID = 0
	}
	return &row
}

func (p *program) insert() {
	p.ids++
	row := doc{ID: p.ids, A: p.newName(), Gallery: []string{p.newName()}}
	p.exec(p.record(row).AfterCreate, func() { p.rows[row.ID] = row }, true)
}

func (p *program) update() {
	row, ok := p.someRow("row")
	if !ok {
		return
	}
	old := row.FileSnapshot()
	for range rapid.IntRange(0, 3).Draw(p.t, "changes") {
		switch rapid.SampledFrom([]string{"set", "clear", "swap", "share", "default", "append", "drop", "to list", "reverse"}).Draw(p.t, "change") {
		case "set":
			row.A = p.newName()
		case "clear":
			row.B = ""
		case "swap":
			row.A, row.B = row.B, row.A
		case "share":
			row.B = row.A
		case "default":
			row.A = "default.png"
		case "append":
			row.Gallery = append(slices.Clone(row.Gallery), p.newName())
		case "drop":
			row.Gallery = slices.Clone(row.Gallery[:len(row.Gallery)/2])
		case "to list":
			row.Gallery, row.A = append(slices.Clone(row.Gallery), row.A), ""
		case "reverse":
			row.Gallery = slices.Clone(row.Gallery)
			slices.Reverse(row.Gallery)
		}
	}
	p.save(row, old, true)
}

func (p *program) save(row doc, old docFiles, mayFail bool) {
	p.exec(func(b *runtime.Batch) { p.record(row).BeforeUpdate(b, old) }, func() { p.rows[row.ID] = row }, mayFail)
}

func (p *program) remove() {
	if row, ok := p.someRow("row"); ok {
		p.delete(row, true)
	}
}

func (p *program) delete(row doc, mayFail bool) {
	p.exec(func(b *runtime.Batch) { p.record(row).AfterDelete(b, row.FileSnapshot()) }, func() { delete(p.rows, row.ID) }, mayFail)
}

// move hands all files of one row to another, in either order of writes; the
// first row is cleared or deleted.
func (p *program) move() {
	from, ok := p.someRow("from")
	to, _ := p.someRow("to")
	if !ok || from.ID == to.ID {
		return
	}
	take := func() {
		old := to.FileSnapshot()
		to.A, to.B, to.Gallery = from.A, from.B, slices.Clone(from.Gallery)
		p.save(to, old, false)
	}
	letGo := func() {
		if rapid.Bool().Draw(p.t, "delete the first") {
			p.delete(from, false)
			return
		}
		p.save(doc{ID: from.ID}, from.FileSnapshot(), false)
	}
	if rapid.Bool().Draw(p.t, "take first") {
		take()
		letGo()
	} else {
		letGo()
		take()
	}
}

func (p *program) savepoint() {
	p.saved = append(p.saved, savedRows{p.rows.clone(), p.batch.Savepoint()})
}

func (p *program) rollbackTo() {
	if len(p.saved) == 0 {
		return
	}
	i := rapid.IntRange(0, len(p.saved)-1).Draw(p.t, "savepoint")
	if err := p.batch.RollbackTo(p.saved[i].point); err != nil {
		p.t.Fatal(err)
	}
	p.rows = p.saved[i].rows.clone()
	p.saved = p.saved[:i+1]
}

func (p *program) someRow(label string) (doc, bool) {
	if len(p.rows) == 0 {
		return doc{}, false
	}
	return p.rows[rapid.SampledFrom(slices.Sorted(maps.Keys(p.rows))).Draw(p.t, label)], true
}

// newName uploads a file.
func (p *program) newName() string {
	p.ids++
	return p.w.upload(p.batch, fmt.Sprintf("f%d", p.ids))
}
