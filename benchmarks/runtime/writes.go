package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/benchmarks/runtime/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// writingFor is how long rows are written.
const writingFor = 10 * time.Second

// meanwhile is what goes on while rows are written, again and again; or nil.
type meanwhile struct {
	title string
	do    func(context.Context) error

	writes []int
	waits  []time.Duration // the longest of each run
	done   []int           // how often
}

// writes counts how many rows a program writes, a transaction each, to an SQLite
// database, while the rows are asked, or a relay deletes files, over and over. All of
// a column of documents has to be read for each question.
func writes(rounds, rows int, on string) error {
	top, err := os.MkdirTemp(on, "filecleangen-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(top) }()
	ctx := context.Background()
	m := &mall{d: references.SQLite}
	if err := m.create(ctx, top); err != nil {
		return err
	}
	defer m.drop()
	all, err := m.meanwhiles(ctx, rows)
	if err != nil {
		return err
	}
	for range rounds {
		for _, i := range rand.Perm(len(all)) {
			if err := m.writeRows(ctx, all[i], rows); err != nil {
				return fmt.Errorf("%s: %w", all[i].title, err)
			}
		}
	}
	fmt.Printf("\n| %d rows with documents, SQLite | writes in %v: median (min–max) | longest wait of a write | that often meanwhile |\n|---|---|---|---|\n", rows, writingFor)
	for _, w := range all {
		slices.Sort(w.writes)
		slices.Sort(w.done)
		middle := len(w.writes) / 2
		fmt.Printf("| %s | %d (%d–%d) | %v | %d |\n", w.title, w.writes[middle], w.writes[0], w.writes[len(w.writes)-1], slices.Max(w.waits).Round(time.Millisecond), w.done[middle])
	}
	return nil
}

func (m *mall) meanwhiles(ctx context.Context, rows int) ([]*meanwhile, error) {
	c := columnsOf(m.d)[1]
	if err := m.fill(ctx, c, rows); err != nil {
		return nil, err
	}
	if err := outbox.Migrate(ctx, m.own, m.d); err != nil {
		return nil, err
	}
	refs, err := references.New(ctx, m.own, m.d, c.reference())
	if err != nil {
		return nil, err
	}
	media := afero.NewMemMapFs()
	if err := outbox.Mark(media, "benchmark"); err != nil {
		return nil, err
	}
	m.clean, err = runtime.New(
		runtime.WithStorage("media", media), runtime.WithTypes(models.AlbumFileType), runtime.WithReferences(refs), runtime.WithLogger(quiet()))
	if err != nil {
		return nil, err
	}
	if m.box, err = outbox.New(ctx, m.clean, refs); err != nil {
		return nil, err
	}
	if m.relay, err = m.box.Relay(ctx, "benchmark"); err != nil {
		return nil, err
	}
	names := make([]string, asked)
	about := make([]runtime.Ref, asked)
	for i := range names {
		names[i] = nameOf(rows + i) // no row's
		about[i] = runtime.Ref{Storage: "media", Name: names[i]}
	}
	return []*meanwhile{
		{title: "nothing else"},
		{title: "rows are asked about 1,000 names", do: func(ctx context.Context) error {
			_, err := refs.Ask(ctx, about)
			return err
		}},
		{title: "a relay deletes 1,000 files", do: func(ctx context.Context) error {
			if err := firstOf(writeAll(media, names), m.promise(names)); err != nil {
				return err
			}
			done, err := m.relay.Drain(ctx)
			if err == nil && done.Removed != asked {
				err = fmt.Errorf("%+v", done)
			}
			return err
		}},
	}, nil
}

// writeRows writes rows while something else goes on.
func (m *mall) writeRows(ctx context.Context, w *meanwhile, rows int) error {
	until, stop := context.WithTimeout(ctx, writingFor)
	defer stop()
	ended := make(chan error, 1)
	done := 0
	go func() {
		for w.do != nil && until.Err() == nil {
			if err := w.do(ctx); err != nil {
				ended <- err
				return
			}
			done++
		}
		ended <- nil
	}()
	n, longest := 0, time.Duration(0)
	for ; until.Err() == nil; n++ {
		row := rand.IntN(rows)
		changed := strings.Replace(documentOf(row), "river", fmt.Sprintf("river %d", n), 1) // SQLite writes only what is another value
		begun := time.Now()
		if _, err := m.db.ExecContext(ctx, "UPDATE documents SET pages = "+changed+" WHERE id = ?", row); err != nil {
			return err
		}
		longest = max(longest, time.Since(begun))
	}
	w.writes, w.waits = append(w.writes, n), append(w.waits, longest)
	err := <-ended
	w.done = append(w.done, done)
	return err
}
