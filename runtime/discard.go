package runtime

import (
	"context"
	"log/slog"

	"github.com/filecleangen/filecleangen/runtime/internal/guard"
	"github.com/filecleangen/filecleangen/runtime/internal/registry"
)

// Discard gives the file up, unless a transaction has taken it: it is deleted if no row
// names it. Defer it when the upload was created. Without an outbox the file goes at
// once, or when the batch has ended that mentions it; with one, a relay asks the rows,
// and does it. What can't be done now is logged, and told to the observers.
func (u *Upload) Discard() {
	u.mu.Lock()
	discarded, closed, closing := u.discarded, u.closed, u.closing
	u.discarded, u.closed = true, true
	u.mu.Unlock()
	if discarded || closing { // then endClose goes on
		return
	}
	if !closed {
		_ = guard.Call(u.file.Close) // nobody wants what is in it
	}
	u.giveUp()
}

func (u *Upload) giveUp() {
	if u.note != nil {
		u.mu.Lock()
		u.note.Complete = u.complete
		u.mu.Unlock()
	}
	c, ctx := u.cleaner, context.Background()
	if u.note == nil {
		c.discard(ctx, u.entry)
		return
	}
	if c.registry.Drop(u.entry) {
		return
	}
	if err := guard.Call(func() error { return c.outbox.DiscardUploads(ctx, []*Note{u.note}) }); err != nil {
		c.log(ctx, slog.LevelWarn, "filecleangen: an upload could not be discarded; it goes when its time is over",
			slog.String("storage", u.ref.Storage), slog.String("name", u.ref.Name), slog.Any("error", err))
	}
}

// discard deletes the file of an upload, if nobody has taken it.
func (c *Cleaner) discard(ctx context.Context, entry *registry.Upload) {
	planned, what := c.registry.Discard(entry)
	results := []Result{{Ref: entry.Ref(), Reason: Unused}}
	switch what {
	case registry.Taken, registry.Waits:
		return
	case registry.Doubted:
		results[0].keep(InDoubt, nil)
	case registry.Planned:
		if c.keepByPolicy(results); results[0].Status != "" {
			c.registry.Release([]Ref{entry.Ref()})
		}
	}
	files := filesOf(results)
	c.delete(ctx, files, planned, nil)
	results[0] = resultOf(files[0])
	c.tell(ctx, results, 1)
}

// discardWaiting deletes uploads that were discarded while a batch mentioned them, now
// that one has ended.
func (c *Cleaner) discardWaiting() {
	if c.registry.Uploads() == 0 {
		return
	}
	for _, entry := range c.registry.Discarded() {
		c.discard(context.Background(), entry)
	}
}
