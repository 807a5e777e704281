package triggers_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/filecleangen/filecleangen/references"
)

// killer cancels a context when so many statements have ended.
type killer struct {
	left   atomic.Int64
	cancel atomic.Pointer[context.CancelFunc]
}

func (*killer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

func (k *killer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {
	if cancel := k.cancel.Load(); cancel != nil && k.left.Add(-1) == 0 {
		(*cancel)()
	}
}

// Wherever the installation ends, statements of others do what they did, or what they
// shall do, and the installation can be called again; and so for the removal.
func TestInstallKilled(t *testing.T) {
	w := newWorld(t, references.PostgreSQL)
	config, err := pgx.ParseConfig(w.dsn)
	w.must(err)
	k := &killer{}
	config.Tracer = k
	killed := stdlib.OpenDB(*config)
	defer func() { _ = killed.Close() }()
	own := w.own
	w.own = killed
	box := w.newBox(references.Table(article, "article"), references.Table(scan, "scan"))
	w.own = own
	w.exec("CREATE TABLE other (id bigint, file text)")
	outdated := w.newBox(references.Table(article, "article"), references.Table(scan, "other"))
	step := 1 // between the statements that are the last ones
	if testing.Short() {
		step = 7
	}
	for _, change := range []struct {
		what  string
		begin func(context.Context) error
		do    func(context.Context) error
	}{
		{"installed", w.box.RemoveTriggers, box.InstallTriggers},
		{"replaced", outdated.InstallTriggers, box.InstallTriggers},
		{"removed", box.InstallTriggers, box.RemoveTriggers},
	} {
		t.Run(change.what, func(t *testing.T) {
			kills := 0
			for ended := false; !ended; {
				w.must(change.begin(t.Context()))
				kills += step
				ended = k.run(t, int64(kills), change.do)
				w.exec("INSERT INTO article (id, cover, banner) VALUES (1, 'a', 'b')")
				w.exec("UPDATE article SET cover = NULL")
				w.exec("TRUNCATE article CASCADE")
				w.exec("DELETE FROM filecleangen_outbox")
			}
			if t.Log(kills, "statements"); kills < 30 {
				t.Errorf("it ended after %d statements", kills)
			}
			w.must(box.InstallTriggers(t.Context()))
			w.faults(box, "")
			w.must(box.RemoveTriggers(t.Context()))
			if left := w.installed(); left != "" {
				t.Errorf("left: %s", left)
			}
		})
	}
}

// run calls do, and reports whether it ended before so many statements had.
func (k *killer) run(t *testing.T, statements int64, do func(context.Context) error) (ended bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	k.left.Store(statements)
	k.cancel.Store(&cancel)
	defer k.cancel.Store(nil)
	err := do(ctx)
	if err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	return err == nil && k.left.Load() > 0
}
