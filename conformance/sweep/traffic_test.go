package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/internal/logs"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/sweep"
)

// shortly is how old files are that may be orphans, where the age is to protect nobody.
const shortly = 200 * time.Millisecond

// TestTraffic sweeps again and again while others write rows and upload files, with ages
// that are far too short: what the list of rows missed is asked again, so that no file goes
// that a row names. What was an orphan before goes.
func TestTraffic(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, &runtime.Type{Name: "shop.Article", Package: "example.com/shop", Fields: []runtime.Field{
			{Path: "Cover", Storage: "media", Column: "cover"}, {Path: "Pages", Storage: "media", Column: "pages", Shape: runtime.List},
		}})
		var err error
		w.box, err = outbox.New(t.Context(), w.again(), w.refs, outbox.WithUploadTime(shortly))
		w.must(err)
		w.must(w.box.InstallTriggers(t.Context()))
		var orphans []string
		for i := range 50 {
			orphans = append(orphans, fmt.Sprintf("covers/orphan-%d.png", i))
		}
		w.file(orphans...)
		w.shop()

		ctx, stop := context.WithCancel(t.Context())
		var writing, others sync.WaitGroup
		for n := range 3 {
			writing.Go(func() { w.write(n) })
		}
		for range 2 {
			r, err := w.box.Relay(ctx, environment, outbox.WithPoll(5*time.Millisecond), outbox.WithRelayLogger(logs.New().Logger()))
			w.must(err)
			others.Go(func() { _ = r.Run(ctx) })
		}
		others.Go(func() {
			for ctx.Err() == nil {
				w.sweepOnce(ctx)
			}
		})
		writing.Wait()
		stop()
		others.Wait()

		w.sweepOnce(t.Context())
		w.drain()
		w.wantGone(orphans...)
		named := w.named()
		w.wantThere(named...)
		if !slices.ContainsFunc(named, func(name string) bool { return strings.Contains(name, "-") }) {
			t.Errorf("rows name no upload: %q", named)
		}
	})
}

// again returns a cleaner as that of the world, without an outbox.
func (w *world) again() *runtime.Cleaner {
	w.Helper()
	files, _ := w.clean.Storage("media")
	c, err := runtime.New(runtime.WithStorage("media", files), runtime.WithTypes(w.clean.Types()...), runtime.WithReferences(w.refs), runtime.WithLogger(logs.New().Logger()))
	w.must(err)
	return c
}

// sweepOnce scans and applies; what a scan is refused for is allowed.
func (w *world) sweepOnce(ctx context.Context) {
	const all = 1 << 40
	options := []sweep.Option{sweep.MinAge(shortly), sweep.Include("covers/")}
	for _, why := range []sweep.Why{sweep.ManyOrphans, sweep.ManyDangling, sweep.Restored} {
		options = append(options, sweep.Allow(why, all))
	}
	s, err := sweep.New(w.box, environment, options...)
	if err == nil {
		_, err = s.Scan(ctx, "media", w.plan)
	}
	if err == nil {
		_, err = s.Apply(ctx, w.plan)
	}
	if err != nil && ctx.Err() == nil && !busy(err) {
		w.Error(err)
	}
}

// busy reports whether the database has ended a transaction because of others.
func busy(err error) bool {
	return strings.Contains(strings.ToLower(err.Error()), "deadlock") || strings.Contains(err.Error(), "40P01") || strings.Contains(err.Error(), "SQLITE_BUSY")
}

// write uploads files and has rows name them, and others of before.
func (w *world) write(n int) {
	random := rand.New(rand.NewPCG(uint64(n), 1))
	for i := range 40 {
		id := random.IntN(10)
		name, err := w.upload(fmt.Sprintf("covers/%d-%d.png", n, i))
		switch {
		case err == nil && random.IntN(4) > 0:
			_, err = w.db.ExecContext(w.Context(), databases.Rebind(w.d, "UPDATE article SET cover = ? WHERE id = ?"), name, id)
		case err == nil: // a name that another row has
			_, err = w.db.ExecContext(w.Context(), databases.Rebind(w.d, "UPDATE article SET cover = ? WHERE id = ?"), w.nameOf(random.IntN(10)), id)
		}
		if err != nil && !outbox.IsGone(err) && !busy(err) && !errors.Is(err, runtime.ErrUpload) {
			w.Error(err)
		}
	}
}

func (w *world) upload(name string) (string, error) {
	up, err := w.box.Create(w.Context(), "media", name)
	if err != nil {
		return "", err
	}
	defer up.Discard()
	if _, err := io.WriteString(up, name); err != nil {
		return "", err
	}
	return up.Name(), up.Close()
}

func (w *world) nameOf(id int) (name string) {
	_ = w.db.QueryRowContext(w.Context(), databases.Rebind(w.d, "SELECT cover FROM article WHERE id = ?"), id).Scan(&name)
	return name
}

// named returns the names that rows have.
func (w *world) named() (names []string) {
	w.Helper()
	rows, err := w.db.QueryContext(w.Context(), "SELECT cover FROM article WHERE cover <> ''")
	w.must(err)
	defer rows.Close()
	for rows.Next() {
		var name string
		w.must(rows.Scan(&name))
		names = append(names, name)
	}
	w.must(rows.Err())
	slices.Sort(names)
	return slices.Compact(names)
}

// TestKilled: a scan that ends in the middle leaves no plan, and an apply that ends can be
// called again.
func TestKilled(t *testing.T) {
	w := newWorld(t, references.SQLite)
	w.shop()
	w.file("covers/orphan.png")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.sweeper().Scan(ctx, "media", w.plan); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(w.plan)); err != nil || len(left) > 0 {
		t.Errorf("left behind %v, %v", left, err)
	}
	w.scan()
	for range 2 {
		_, err := w.sweeper().Apply(ctx, w.plan)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the error is %v", err)
		}
	}
	for want := range 2 { // what is in the outbox already is not counted again
		a, err := w.sweeper().Apply(t.Context(), w.plan)
		w.must(err)
		if a.Released != int64(1-want) || a.Kept[sweep.InOutbox] != int64(want) {
			t.Errorf("applied %+v", a)
		}
	}
	w.drain()
	w.wantGone("covers/orphan.png")
}
