package runtime

// Exec runs one write to the database and the generated methods that belong to
// it. [Rows] makes the number of rows from what database/sql returns:
//
//	err := b.Exec(
//		func(b *runtime.Batch) { article.BeforeUpdate(b, old) },
//		func() (int64, error) {
//			return runtime.Rows(tx.ExecContext(ctx, "UPDATE article SET …"))
//		})
//
// hook is called before write, so that no other batch deletes a file that the
// write is about to name, and again after it, when the primary key and whatever
// else the database set is known; the second call replaces the first. It should
// log and do nothing else: an Exec inside it would write twice. An
// article.AfterCreate can be passed as it is, with a write that sets the key.
//
// What a write lets go of counts only if it returned no error and at least as
// many rows as hook logs records: where fewer were hit, nobody knows which. The
// files that it was to name are kept in any case. It may have failed after the
// row was written, and MySQL also reports 0 rows where a row already had the
// values.
//
// An Exec inside write is a write of its own. Of two writes to one row, of which
// one runs inside the other, nobody knows which came last: the files of both
// are kept.
//
// The error is write's, or [ErrEnded]; or [ErrGone], and write is not called, if
// it would make a row name a file that another batch has deleted meanwhile.
func (b *Batch) Exec(hook func(*Batch), write func() (rows int64, err error)) error {
	first, err := b.logWrite(hook, nil)
	if err != nil {
		return err
	}
	if err := b.checkGone(first.since); err != nil {
		b.drop(first)
		return err
	}
	rows, err := write()
	if err != nil {
		return err
	}
	second, err := b.logWrite(hook, first)
	if err != nil {
		return err
	}
	b.settle(first, second, rows)
	return nil
}

// execution is one call of a write's hook.
type execution struct {
	write int // the number of the call
	since int // how many records the log had when the write began
}

// logWrite calls hook, before the write or, with the first call, after it. The
// records that it logs let go of nothing until they are settled.
func (b *Batch) logWrite(hook func(*Batch), first *execution) (*execution, error) {
	b.mu.Lock()
	if b.state == ended {
		b.mu.Unlock()
		return nil, ErrEnded
	}
	b.writes++
	e := &execution{write: b.writes, since: len(b.log.records)}
	if first != nil {
		e.since = min(e.since, first.since) // a savepoint may have cut the log
	}
	outer := b.writing
	b.writing = e
	b.mu.Unlock()

	defer func() {
		b.mu.Lock()
		b.writing = outer
		b.mu.Unlock()
	}()
	hook(b)
	return e, nil
}

// drop takes back what a hook logged for a write that is not made.
func (b *Batch) drop(e *execution) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := e.since; i < len(b.log.records); i++ {
		if r := &b.log.records[i]; r.write == e.write {
			r.state = void
		}
	}
}

// settle makes the second call of a hook replace the first, and lets it count
// if the write hit a row for each record. It touches no other records: a
// statement that ran inside the write through an Exec speaks for itself.
func (b *Batch) settle(first, second *execution, rows int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var logged []*record
	for i := second.since; i < len(b.log.records); i++ {
		switch r := &b.log.records[i]; r.write {
		case first.write:
			r.state = void
		case second.write:
			logged = append(logged, r)
		}
	}
	if rows <= 0 || rows < int64(len(logged)) {
		return
	}
	for _, r := range logged {
		r.state = standing
	}
}

// Rows returns the number of rows that a statement changed, from the result
// of database/sql's Exec and its like. For [Batch.Exec].
func Rows(result interface{ RowsAffected() (int64, error) }, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
