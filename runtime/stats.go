package runtime

import "sync/atomic"

// Stats are counts of what a [Cleaner] did since it was made, for a metrics
// library to read, such as
//
//	expvar.Publish("filecleangen", expvar.Func(func() any { return cleaner.Stats() }))
//
// All but Open, Waiting and Uploads only grow. A file whose deletion is tried again
// counts as Pending once, and then as what became of it.
type Stats struct {
	Open    int // batches that are open now
	Waiting int // files that wait for another attempt now
	Uploads int // that no committed batch has taken, and that were not discarded

	Committed, RolledBack, Unknown          uint64 // batches, by outcome
	Flushed                                 uint64 // batches, left to an outbox and committed by the caller
	Removed, Missing, Kept, Pending, Failed uint64 // files, by status
	Retried                                 uint64 // attempts to delete a file after the first
}

// Stats returns the counts as they are now. It is cheap, and safe for concurrent
// use; the counts may be of slightly different moments.
func (c *Cleaner) Stats() Stats {
	n := &c.counters
	s := Stats{
		Committed: n.committed.Load(), RolledBack: n.rolledBack.Load(), Unknown: n.unknown.Load(), Flushed: n.flushed.Load(),
		Removed: n.removed.Load(), Missing: n.missing.Load(), Kept: n.kept.Load(), Pending: n.pending.Load(), Failed: n.failed.Load(),
		Retried: n.retried.Load(),
	}
	s.Open, s.Waiting, s.Uploads = c.registry.Batches(), c.deleter.Waiting(), c.registry.Uploads()
	return s
}

type counters struct {
	committed, rolledBack, unknown          atomic.Uint64
	flushed                                 atomic.Uint64
	removed, missing, kept, pending, failed atomic.Uint64
	retried                                 atomic.Uint64
}

func (n *counters) batch(o Outcome) {
	switch o {
	case Committed:
		n.committed.Add(1)
	case RolledBack:
		n.rolledBack.Add(1)
	case Unknown:
		n.unknown.Add(1)
	case Flushed:
		n.flushed.Add(1)
	}
}

func (n *counters) file(s Status) {
	switch s {
	case Removed:
		n.removed.Add(1)
	case Missing:
		n.missing.Add(1)
	case Kept:
		n.kept.Add(1)
	case Pending:
		n.pending.Add(1)
	case Failed:
		n.failed.Add(1)
	}
}
