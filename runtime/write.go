package runtime

// Exec runs one write to the database and the generated methods that belong to
// it. What hook logs counts only if write returns no error and at least one
// row; [Rows] makes that number from what database/sql returns:
//
//	err := b.Exec(
//		func(b *runtime.Batch) { article.BeforeUpdate(b, old) },
//		func() (int64, error) {
//			return runtime.Rows(tx.ExecContext(ctx, "UPDATE article SET …"))
//		})
//
// hook is called before write, so that no other batch deletes a file that the
// write is about to name, and again after it has succeeded, when the primary
// key and whatever else the database set is known; the second call replaces
// the first. It should log and do nothing else. An article.AfterCreate can be
// passed as it is, with a write that sets the key.
//
// A write that reports 0 rows releases nothing, but the files that it was to
// name are kept: MySQL also reports 0 rows where a row already had the values.
//
// The error is write's, or [ErrEnded].
func (b *Batch) Exec(hook func(*Batch), write func() (rows int64, err error)) error {
	before, err := b.logWrite(hook)
	if err != nil {
		return err
	}
	outcome := void
	defer func() { b.settleWrite(before, outcome) }() // also when write panics
	rows, err := write()
	if err != nil {
		return err
	}
	if rows <= 0 {
		outcome = idle
		return nil
	}
	outcome = standing // until the second call has replaced it
	if _, err := b.logWrite(hook); err != nil {
		return err
	}
	outcome = void
	return nil
}

// logWrite calls hook and marks the records that it logs as those of one write.
func (b *Batch) logWrite(hook func(*Batch)) (write int, err error) {
	b.mu.Lock()
	if b.state == ended {
		b.mu.Unlock()
		return 0, ErrEnded
	}
	b.writes++
	write = b.writes
	outer := b.writing
	b.writing = write
	b.mu.Unlock()

	logged := false
	defer func() {
		b.mu.Lock()
		b.writing = outer
		b.mu.Unlock()
		if !logged { // hook panicked
			b.settleWrite(write, void)
		}
	}()
	hook(b)
	logged = true
	return write, nil
}

// settleWrite says what became of the write's own records, and of no others: a
// statement that ran inside it through a nested Exec speaks for itself.
func (b *Batch) settleWrite(write int, outcome recordState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.log.records {
		if r := &b.log.records[i]; r.write == write {
			r.state = outcome
		}
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
