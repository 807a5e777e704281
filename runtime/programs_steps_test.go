package runtime_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/runtime/internal/albums"
)

// transaction is one of a program, and its batch.
type transaction struct {
	cleaner  int
	batch    *runtime.Batch
	rows     map[int]*album // what it wrote; nil is deleted
	began    int
	landed   int                  // when its rows became visible
	ended    int                  // when its deletions were over, too
	seen     map[runtime.Ref]bool // what committed rows named since it began
	mentions map[runtime.Ref]bool // what it wrote, read to write, says that it lets go of, or uploaded
	reads    map[int]albums.AlbumFiles
	uploads  map[runtime.Ref]*runtime.Upload
	byHand   bool // a hook was called by hand
	saved    []saved

	gained, lost map[runtime.Ref]bool // when it was committed
}

type saved struct {
	point runtime.Savepoint
	rows  map[int]*album
}

// after returns the rows that a transaction leaves behind.
func (m *transaction) after() table {
	after := table{}
	for id, row := range m.rows {
		if row != nil {
			after[id] = *row
		}
	}
	return after
}

// preconditions reports whether a transaction, right before its commit, keeps to
// what the documentation of Unchecked asks of it. What does not is rolled back. What is
// not here holds because this is how programs are made: that the old snapshot is what
// the row said, and the record what it says now; that a write which reports no error,
// and a row, has changed this row; that no write runs inside another; that keys are; that
// a commit is a commit, and nothing else commits; that the batch begins first; and that
// there is one cleaner.
func (p *program) preconditions(m *transaction) bool {
	gained, lost := p.difference(m)
	// A file is named by one record at a time, or all records that name it are
	// written in the batch that lets go of it.
	for id, row := range p.committed {
		if _, own := m.rows[id]; !own && overlap(refsOf(row), lost) {
			return false
		}
	}
	// A name is not handed from one record to another by transactions that run
	// at the same time.
	for _, o := range slices.Concat(p.running, p.committing, p.done, p.undone, p.zombies) {
		if o == m || o.ended != 0 && o.ended < m.began {
			continue
		}
		othersGain, othersLoss := o.gained, o.lost
		if othersGain == nil {
			othersGain, othersLoss = p.difference(o)
		}
		if overlap(gained, othersLoss) || overlap(lost, othersGain) {
			return false
		}
	}
	return true
}

// difference returns the files that rows come to name by a transaction, and
// those that it lets go of.
func (p *program) difference(m *transaction) (gained, lost map[runtime.Ref]bool) {
	before := table{}
	for id := range m.rows {
		if old, ok := p.committed[id]; ok {
			before[id] = old
		}
	}
	was, is := before.refs(), m.after().refs()
	gained, lost = maps.Clone(is), maps.Clone(m.mentions)
	maps.DeleteFunc(gained, func(r runtime.Ref, _ bool) bool { return was[r] })
	maps.DeleteFunc(lost, func(r runtime.Ref, _ bool) bool { return is[r] })
	return gained, lost
}

func overlap(a, b map[runtime.Ref]bool) bool {
	for ref := range a {
		if b[ref] && ref != media("default.png") {
			return true
		}
	}
	return false
}

// view returns the rows as a transaction sees them.
func (p *program) view(m *transaction) table {
	rows := p.committed.clone()
	for id, row := range m.rows {
		if row == nil {
			delete(rows, id)
		} else {
			rows[id] = copyOf(*row)
		}
	}
	return rows
}

func (p *program) step() {
	if len(p.zombies) > 0 && rapid.IntRange(0, 5).Draw(p.t, "land") == 0 {
		z := p.zombies[0]
		p.zombies = p.zombies[1:]
		p.commit(z)
		z.ended = p.tick()
		return
	}
	m := p.someone()
	if m == nil {
		return
	}
	steps := map[string]func(*transaction){
		"insert": p.insert, "insert several": p.insertSeveral, "update": p.update, "delete": p.remove, "re-create": p.recreate,
		"move": p.move, "swap": p.swap, "take up": p.takeUp, "restore": p.restore, "save stale": p.saveStale, "save twice": p.saveTwice,
		"savepoint": p.savepoint, "rollback to": p.rollbackTo, "discard early": p.discardEarly,
		"lose the commit": func(m *transaction) { p.end(m, "unknown yet") },
		"end":             func(m *transaction) { p.end(m, "") }, "commit": func(m *transaction) { p.end(m, "commit") },
	}
	steps[rapid.SampledFrom(slices.Sorted(maps.Keys(steps))).Draw(p.t, "step")](m)
}

// someone returns a transaction that can go on, or begins one.
func (p *program) someone() *transaction {
	if i := rapid.IntRange(0, p.parallel-1).Draw(p.t, "who"); i < len(p.running) {
		return p.running[i]
	}
	m := &transaction{
		cleaner: rapid.IntRange(0, p.cleaners-1).Draw(p.t, "cleaner"), rows: map[int]*album{}, began: p.tick(),
		seen: p.committed.refs(), mentions: map[runtime.Ref]bool{}, reads: map[int]albums.AlbumFiles{},
		uploads: map[runtime.Ref]*runtime.Upload{},
	}
	m.batch = p.clean[m.cleaner].Begin()
	p.running = append(p.running, m)
	return m
}

// lock locks a row that no other transaction has, and reads it.
func (p *program) lock(m *transaction) (album, bool) {
	rows := p.view(m)
	maps.DeleteFunc(rows, func(id int, _ album) bool { return p.locks[id] != nil && p.locks[id] != m })
	if len(rows) == 0 {
		return album{}, false
	}
	row := rows[rapid.SampledFrom(slices.Sorted(maps.Keys(rows))).Draw(p.t, "row")]
	p.locks[row.ID] = m
	if _, ok := m.reads[row.ID]; !ok {
		m.reads[row.ID] = row.FileSnapshot()
	}
	return row, true
}

// write writes a row, whose lock the transaction has; nil deletes it. It returns
// whether that was done. An old snapshot that is not nil is taken for what the
// row said.
func (p *program) write(m *transaction, id int, next *album, stale *albums.AlbumFiles) bool {
	p.locks[id] = m
	before, existed := p.view(m)[id]
	old := before.FileSnapshot()
	if stale != nil {
		old = *stale
		maps.Copy(m.mentions, refsIn(old))
	}
	maps.Copy(m.mentions, refsOf(before))
	record := copyOf(before)
	var row *album
	if next != nil {
		row, record = new(copyOf(*next)), copyOf(*next)
		if existed && p.check {
			p.someColumns(before, row, &record)
			told := refsOf(record)
			maps.DeleteFunc(told, func(r runtime.Ref, _ bool) bool { return refsOf(*row)[r] })
			maps.Copy(p.excused, told) // a batch says that a row has taken it, if it is an upload
		}
		maps.Copy(m.mentions, refsOf(*row))
		maps.Copy(m.mentions, refsOf(record))
	}
	hook := func(b *runtime.Batch) {
		if p.keyless {
			record.ID = 0
		}
		switch {
		case row == nil:
			record.AfterDelete(b, old)
		case existed:
			record.BeforeUpdate(b, old)
		default:
			record.AfterCreate(b)
		}
	}
	most := 9
	if p.check {
		most = 10
	}
	switch how := rapid.IntRange(0, most).Draw(p.t, "write"); how {
	case 0, 1:
		_ = m.batch.Exec(hook, []func() (int64, error){failed, noRow}[how])
		if !p.check { // nobody knows that it did not take an upload
			maps.Copy(p.excused, refsOf(record))
		}
		return false
	case 2, 3: // the row was written, whatever the answer says
		answer := rapid.SampledFrom([]error{nil, errWrite}).Draw(p.t, "answer")
		written := false
		_ = m.batch.Exec(hook, func() (int64, error) { m.rows[id], written = row, true; return 0, answer })
		if !p.check {
			maps.Copy(p.excused, refsOf(before)) // nobody knows that it let go of them
		}
		return written
	case 4: // a hook called by hand
		hook(m.batch)
		m.rows[id], m.byHand = row, true
		return true
	case 10: // the row was not written, whatever the answer says
		_ = m.batch.Exec(hook, oneRow)
		maps.Copy(p.excused, refsOf(record))
		return false
	}
	err := m.batch.Exec(hook, func() (int64, error) { m.rows[id] = row; return 1, nil })
	if err != nil && !errors.Is(err, runtime.ErrGone) {
		p.t.Fatal(err)
	}
	return err == nil
}

// someColumns makes a statement write only some columns, perhaps. The record has not
// read the others, or has something else in them.
func (p *program) someColumns(before album, row, record *album) {
	if rapid.IntRange(0, 3).Draw(p.t, "all columns") > 0 {
		return
	}
	switch rapid.SampledFrom([]string{"cover", "pages", "texts"}).Draw(p.t, "not written") {
	case "cover":
		if row.Cover = before.Cover; rapid.Bool().Draw(p.t, "not read") {
			record.Cover = ""
		}
	case "pages":
		if row.Pages = slices.Clone(before.Pages); rapid.Bool().Draw(p.t, "not read") {
			record.Pages = nil
		}
	case "texts":
		if row.Texts = maps.Clone(before.Texts); rapid.Bool().Draw(p.t, "not read") {
			record.Texts = nil
		}
	}
}

func (p *program) newID() int {
	p.ids++
	return p.ids
}

// upload writes a new file, which may fail to be deleted later.
func (p *program) upload(m *transaction, storage string) string {
	name := fmt.Sprintf("d%d/f%d", p.ids%3, p.newID())
	if once := p.lostFiles(storage, false); len(once) > 0 && rapid.IntRange(0, 3).Draw(p.t, "old name") == 0 {
		name = rapid.SampledFrom(once).Draw(p.t, "name") // or one beside it, as long as it is not free
	}
	u, err := p.clean[m.cleaner].Create(context.Background(), storage, name)
	if errors.Is(err, errDown) { // the storage can't tell whether the old name is free
		return ""
	}
	if err != nil {
		p.t.Fatal(err)
	}
	if err := u.Close(); err != nil {
		p.t.Fatal(err)
	}
	p.files[storage].plan(p.t, u.Name())
	m.uploads[u.Ref()], m.mentions[u.Ref()] = u, true
	delete(p.lost, u.Ref())
	if storage == "media" {
		if p.thumbs[u.Name()] = rapid.Bool().Draw(p.t, "thumbnail"); p.thumbs[u.Name()] {
			p.files[storage].write(p.t, thumbOf(u.Name()))
			delete(p.lost, media(thumbOf(u.Name())))
		}
	}
	return u.Name()
}

func thumbOf(name string) string { return "thumbs/" + path.Base(name) }

// lostFiles returns the names of files that transactions have let go of; those
// that are there, if wanted.
func (p *program) lostFiles(storage string, there bool) (names []string) {
	for _, m := range p.done {
		for ref := range m.lost {
			if ref.Storage == storage && !slices.Contains(names, ref.Name) && (!there || p.files[storage].has(ref.Name)) {
				names = append(names, ref.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

func isThumb(name string) bool { return strings.HasPrefix(name, "thumbs/") }

func (p *program) insert(m *transaction) {
	row := album{ID: p.newID()}
	p.change(m, &row)
	p.write(m, row.ID, &row, nil)
}

// insertSeveral uses one variable for all of them.
func (p *program) insertSeveral(m *transaction) {
	var row album
	for range 2 {
		row.ID, row.Cover = p.newID(), p.upload(m, "media")
		p.write(m, row.ID, &row, nil)
	}
}

func (p *program) update(m *transaction) {
	row, ok := p.lock(m)
	if !ok {
		return
	}
	was := row
	for range rapid.IntRange(0, 3).Draw(p.t, "changes") {
		p.change(m, &row)
	}
	if rapid.IntRange(0, 3).Draw(p.t, "some columns") == 0 { // the others stay in memory
		row.Cover, row.Texts = was.Cover, was.Texts
	}
	p.write(m, row.ID, &row, nil)
}

// change changes a field or two of a record.
func (p *program) change(m *transaction, row *album) {
	*row = copyOf(*row)
	switch rapid.SampledFrom([]string{
		"cover", "no cover", "back", "no back", "page", "fewer pages", "reverse pages",
		"swap", "share", "default", "text", "back to text",
	}).Draw(p.t, "change") {
	case "cover":
		row.Cover = p.upload(m, "media")
	case "no cover":
		row.Cover = ""
	case "back":
		row.Back.String, row.Back.Valid = p.upload(m, "docs"), true
	case "no back":
		row.Back.String, row.Back.Valid = "", false
	case "page":
		row.Pages = append(row.Pages, p.upload(m, "media"))
	case "fewer pages":
		row.Pages = row.Pages[:len(row.Pages)/2]
	case "reverse pages":
		slices.Reverse(row.Pages)
	case "swap":
		if len(row.Pages) > 0 {
			row.Cover, row.Pages[0] = row.Pages[0], row.Cover
		}
	case "share":
		row.Pages = append(row.Pages, row.Cover)
	case "default":
		row.Cover = "default.png"
	case "text":
		row.Texts = map[string]string{"a": p.upload(m, "docs")}
	case "back to text":
		row.Texts, row.Back.String, row.Back.Valid = map[string]string{"b": row.Back.String}, "", false
	}
}

func (p *program) remove(m *transaction) {
	if row, ok := p.lock(m); ok {
		p.write(m, row.ID, nil, nil)
	}
}

// recreate deletes a row and inserts it again.
func (p *program) recreate(m *transaction) {
	if row, ok := p.lock(m); ok && p.write(m, row.ID, nil, nil) {
		p.write(m, row.ID, &row, nil)
	}
}

// move hands all files of one row to another, and clears or deletes the first.
func (p *program) move(m *transaction) {
	from, ok := p.lock(m)
	to, _ := p.lock(m)
	if !ok || from.ID == to.ID {
		return
	}
	taken := copyOf(from)
	taken.ID = to.ID
	var left *album
	if rapid.Bool().Draw(p.t, "clear") {
		left = &album{ID: from.ID}
	}
	p.writeBoth(m, to.ID, &taken, from.ID, left)
}

// swap makes two rows exchange their files.
func (p *program) swap(m *transaction) {
	one, ok := p.lock(m)
	two, _ := p.lock(m)
	if ok && one.ID != two.ID {
		one.ID, two.ID = two.ID, one.ID
		p.writeBoth(m, one.ID, &one, two.ID, &two)
	}
}

// writeBoth writes rows that only make sense together: both or none, in either
// order.
func (p *program) writeBoth(m *transaction, id int, row *album, otherID int, other *album) {
	if rapid.Bool().Draw(p.t, "the other first") {
		id, row, otherID, other = otherID, other, id, row
	}
	s := saved{m.batch.Savepoint(), maps.Clone(m.rows)}
	if !p.write(m, id, row, nil) || !p.write(m, otherID, other, nil) {
		p.rollBackTo(m, s)
	}
}

// takeUp makes a row name what some row names, or named since the transaction
// began.
func (p *program) takeUp(m *transaction) {
	seen := maps.Clone(m.seen)
	maps.Copy(seen, p.view(m).refs())
	maps.DeleteFunc(seen, func(r runtime.Ref, _ bool) bool { return r.Storage != "media" })
	row, ok := p.lock(m)
	if !ok || len(seen) == 0 {
		return
	}
	var names []string
	for ref := range seen {
		names = append(names, ref.Name)
	}
	slices.Sort(names)
	p.putIn(m, row, rapid.SampledFrom(names).Draw(p.t, "name"))
}

// tempt makes a transaction take up a file that is about to be deleted, and
// perhaps commit.
func (p *program) tempt(ref runtime.Ref) {
	for _, m := range p.running {
		if !m.seen[ref] || ref.Storage != "media" {
			continue
		}
		if row, ok := p.lock(m); ok {
			p.putIn(m, row, ref.Name)
			if rapid.Bool().Draw(p.t, "commit") {
				p.end(m, "commit")
			}
		}
		return
	}
}

// restore makes a row name a file again that was let go of and is still there,
// as an undo does.
func (p *program) restore(m *transaction) {
	names := p.lostFiles("media", true)
	row, ok := p.lock(m)
	if !ok || len(names) == 0 {
		return
	}
	name := rapid.SampledFrom(names).Draw(p.t, "name")
	// While no row named the file another process may have taken its thumbnail for that of
	// an earlier file of this name.
	if p.cleaners > 1 && !p.files["media"].has(thumbOf(name)) {
		delete(p.thumbs, name)
	}
	p.putIn(m, row, name)
}

func (p *program) putIn(m *transaction, row album, name string) {
	if rapid.Bool().Draw(p.t, "as cover") {
		row.Cover = name
	} else {
		row.Pages = append(row.Pages, name)
	}
	p.write(m, row.ID, &row, nil)
}

// saveStale saves a record that was read by an earlier transaction, and whose
// files were there when this one began. What the row says now is read before;
// where the rows are asked, that may be forgotten.
func (p *program) saveStale(m *transaction) {
	if row, ok := p.lock(m); ok && len(p.stale) < 10 {
		p.stale = append(p.stale, copyOf(row))
	}
	row := copyOf(rapid.SampledFrom(append(p.stale, album{})).Draw(p.t, "stale"))
	if _, exists := p.view(m)[row.ID]; !exists || p.locks[row.ID] != nil && p.locks[row.ID] != m {
		return
	}
	for ref := range refsOf(row) {
		if !m.seen[ref] {
			return
		}
	}
	if !p.check || rapid.Bool().Draw(p.t, "read again") {
		p.write(m, row.ID, &row, nil)
		return
	}
	old := row.FileSnapshot()
	p.change(m, &row)
	maps.Copy(p.excused, refsOf(p.view(m)[row.ID])) // nobody knows that it lets go of them
	p.write(m, row.ID, &row, &old)
	maps.Copy(p.excused, refsOf(row))
}

// saveTwice saves a record that was read before by the same transaction, which
// has changed the row since, with the snapshot of that time.
func (p *program) saveTwice(m *transaction) {
	row, ok := p.lock(m)
	if !ok {
		return
	}
	old := m.reads[row.ID]
	maps.Copy(p.excused, refsOf(row))
	row.Pages = append(row.Pages, p.upload(m, "media"))
	p.write(m, row.ID, &row, &old)
	maps.Copy(p.excused, refsOf(row))
}

func (p *program) savepoint(m *transaction) {
	m.saved = append(m.saved, saved{m.batch.Savepoint(), maps.Clone(m.rows)})
}

func (p *program) rollbackTo(m *transaction) {
	if len(m.saved) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.saved)-1).Draw(p.t, "savepoint")
	p.rollBackTo(m, m.saved[i])
	m.saved = m.saved[:i+1]
}

func (p *program) rollBackTo(m *transaction, s saved) {
	if err := m.batch.RollbackTo(s.point); err != nil {
		p.t.Fatal(err)
	}
	m.rows = maps.Clone(s.rows)
}

// discardEarly is a mistake: an upload is given up before the transaction ends.
func (p *program) discardEarly(m *transaction) {
	for _, ref := range sortedRefs(m.uploads) {
		if rapid.Bool().Draw(p.t, "discard") {
			m.uploads[ref].Discard()
		}
	}
}

func sortedRefs[V any](refs map[runtime.Ref]V) []runtime.Ref {
	return slices.SortedFunc(maps.Keys(refs), func(a, b runtime.Ref) int {
		return cmp.Or(cmp.Compare(a.Storage, b.Storage), cmp.Compare(a.Name, b.Name))
	})
}

func (p *program) end(m *transaction, how string) {
	if how == "" {
		ends := []string{"rollback", "unknown, committed", "unknown, not committed", "unknown yet"}
		if p.check {
			ends = append(ends, "commit that is none", "rollback that is none")
		}
		how = rapid.SampledFrom(ends).Draw(p.t, "end")
	}
	switch {
	case !p.check && how != "rollback" && !p.preconditions(m):
		how = "rollback"
	case how == "rollback that is none" && m.byHand:
		// What a hook named that was called by hand is looked for when the batch is committed,
		// and it never is.
		how = "rollback"
	}
	switch how {
	case "commit", "commit that is none":
		p.commitBatch(m, how == "commit")
	case "rollback":
		p.leave(m)
		p.unlock(m)
		p.rollBack(m)
	case "rollback that is none":
		p.excuse(m) // nobody knows that it let go of anything
		p.leave(m)
		p.commit(m)
		m.batch.Rollback()
		m.ended = p.tick()
		p.done = append(p.done, m)
	default:
		p.loseCommit(m, how)
	}
	m.batch.Rollback() // deferred by the user; must not matter
	for _, ref := range sortedRefs(m.uploads) {
		m.uploads[ref].Discard()
	}
	if m.ended == 0 && !slices.Contains(p.zombies, m) {
		m.ended = p.tick()
	}
}

// commitBatch commits a batch, and the transaction too, if that is what commit does.
func (p *program) commitBatch(m *transaction, committed bool) {
	_, err := p.clean[m.cleaner].Commit(context.Background(), m.batch, nil, func() error {
		p.leave(m)
		if p.committing = append(p.committing, m); committed {
			p.commit(m)
		} else {
			maps.Copy(p.excused, m.mentions)
			p.unlock(m)
		}
		p.meanwhile() // others are faster
		return nil
	})
	if errors.Is(err, runtime.ErrGone) {
		p.leave(m)
		p.unlock(m)
		p.rollBack(m)
		return
	}
	if err != nil {
		p.t.Fatal(err)
	}
	m.ended = p.tick()
	p.committing = slices.DeleteFunc(p.committing, func(o *transaction) bool { return o == m })
	if committed {
		p.done = append(p.done, m)
	}
}

// rollBack ends the batch of a transaction that was rolled back.
func (p *program) rollBack(m *transaction) {
	// Where two processes had to do with one name, the other may have taken the thumbnail
	// for that of its file.
	m.lost = map[runtime.Ref]bool{}
	for ref := range m.uploads {
		delete(p.thumbs, ref.Name)
		m.lost[ref] = true
	}
	m.gained = map[runtime.Ref]bool{}
	p.undone = append(p.undone, m)
	m.batch.Rollback()
}

// excuse is called right before the rows of a transaction change, whose batch does not say
// what they let go of.
func (p *program) excuse(m *transaction) {
	for id := range m.rows {
		if before, ok := p.committed[id]; ok {
			maps.Copy(p.excused, refsOf(before))
		}
	}
}

// loseCommit is a commit of which nobody knows what became.
func (p *program) loseCommit(m *transaction, how string) {
	_, err := p.clean[m.cleaner].Commit(context.Background(), m.batch, nil, func() error {
		p.leave(m)
		switch how {
		case "unknown, committed":
			p.commit(m)
		case "unknown, not committed":
			p.unlock(m)
		default: // its locks stay
			p.zombies = append(p.zombies, m)
		}
		return errWrite
	})
	if errors.Is(err, runtime.ErrGone) {
		p.leave(m)
		p.unlock(m)
		p.rollBack(m)
	}
}

// commit makes what a transaction wrote visible to others.
func (p *program) commit(m *transaction) {
	m.gained, m.lost = p.difference(m)
	p.committed = p.view(m)
	m.landed = p.tick()
	for ref := range m.after().refs() {
		p.namings[ref] = append(p.namings[ref], m)
	}
	p.unlock(m)
	for _, o := range p.running {
		maps.Copy(o.seen, p.committed.refs())
	}
}

func (p *program) leave(m *transaction) {
	p.running = slices.DeleteFunc(p.running, func(o *transaction) bool { return o == m })
}

func (p *program) unlock(m *transaction) {
	maps.DeleteFunc(p.locks, func(_ int, o *transaction) bool { return o == m })
}
