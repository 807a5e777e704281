package runtime

import "math"

// Exec runs one write to the database and the generated method that belongs to it.
// [Rows] makes the number of rows from what database/sql returns:
//
//	err := b.Exec(
//		func(b *runtime.Batch) { article.BeforeUpdate(b, old) },
//		func() (int64, error) {
//			return runtime.Rows(tx.ExecContext(ctx, "UPDATE article SET …"))
//		})
//
// The hook is called before write, so that nobody deletes a file that the write is about
// to name. The record must say by then what the row will say; what it says more is
// harmless. A key that the database makes need not be known. A hook that is called by hand
// is only looked at when the batch is committed. A statement that writes no column with
// names of files needs no Exec; with a nil hook Exec runs it and does no more.
//
// Whether the write changed a row is the database's to say: the rows are asked before a
// file goes. Only with [Unchecked] it counts what write returns: what a write lets go of
// goes if it returned no error and at least as many rows as the hook logs records.
//
// The error is write's, or [ErrEnded]; or [ErrGone], and write is not called, if it would
// make a row name a file that another batch has deleted meanwhile.
func (b *Batch) Exec(hook func(*Batch), write func() (rows int64, err error)) error {
	if hook == nil {
		hook = func(*Batch) {}
	}
	from, to, floor, err := b.logHook(hook)
	if err != nil {
		return err
	}
	if err := b.checkGone(from); err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.journal.CutRecords(from)
		return err
	}
	rows, err := write()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil && rows > 0 && rows >= int64(to-from) && b.floor >= to {
		b.journal.Confirm(from, to)
	}
	b.floor = min(b.floor, floor)
	return err
}

// logHook calls a hook, whose records from, up to but without to, are not confirmed. It
// returns what floor was.
func (b *Batch) logHook(hook func(*Batch)) (from, to, floor int, err error) {
	b.mu.Lock()
	if b.state == ended {
		b.mu.Unlock()
		return 0, 0, 0, ErrEnded
	}
	from, floor = b.journal.Records(), b.floor
	before := b.hooking
	b.hooking, b.floor = true, math.MaxInt
	b.mu.Unlock()

	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.hooking, to = before, b.journal.Records()
	}()
	hook(b)
	return from, to, floor, nil
}

// Rows returns the number of rows that a statement changed, from the result of
// database/sql's Exec and its like. For [Batch.Exec].
func Rows(result interface{ RowsAffected() (int64, error) }, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
