package sqlclean_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/filecleangen/filecleangen/adapters/sqlclean"
	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

var crowdType = &runtime.Type{Name: "shop.Crowd", Package: "example.com/shop", Fields: []runtime.Field{{Path: "File", Storage: "media", Column: "file"}}}

// TestCrowdInMemory: many transactions of one process hand names around, copy, upload, roll
// back and autocommit at once, no row names a file that is gone in the
// end, and nothing is left behind that was not reported.
func TestCrowdInMemory(t *testing.T) {
	length := time.Second
	if seconds, err := strconv.Atoi(os.Getenv("FILECLEANGEN_CROWD_SECONDS")); err == nil {
		length = time.Duration(seconds) * time.Second
	}
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		dsn := databases.New(t, d)
		open := func() *sql.DB {
			db, err := databases.Open(d, dsn)
			must(err)
			t.Cleanup(func() { _ = db.Close() })
			return db
		}
		db, own := open(), open()
		db.SetMaxOpenConns(8)
		_, err := db.Exec("CREATE TABLE crowd (id bigint PRIMARY KEY, file varchar(200))")
		must(err)
		const rows = 6
		for i := range rows {
			_, err = db.Exec(databases.Rebind(d, "INSERT INTO crowd (id, file) VALUES (?, '')"), i+1)
			must(err)
		}
		dir, err := storage.Dir(t.TempDir())
		must(err)
		defer dir.Close()
		refs, err := references.New(t.Context(), own, d, references.Table(crowdType, "crowd"))
		must(err)
		// When it was last said that a file stays since another batch mentions it. What is
		// said last of all may be of a batch that asked earlier.
		var conflicts sync.Map
		told := runtime.Observer{After: func(_ context.Context, r runtime.Result) {
			if r.Cause == runtime.UsedElsewhere {
				conflicts.Store(r.Ref.Name, time.Now())
			}
		}}
		clean, err := runtime.New(runtime.WithObserver(told),
			runtime.WithStorage("media", dir), runtime.WithTypes(crowdType), runtime.WithReferences(refs),
			runtime.WithLogger(slog.New(slog.DiscardHandler)))
		must(err)
		var n, done, gone, other atomic.Int64
		errNo := errors.New("no")
		step := func(r *rand.Rand) error {
			ctx := context.Background()
			id, from := r.IntN(rows)+1, r.IntN(rows)+1
			name := ""
			kind := r.IntN(5)
			if kind == 0 {
				up, err := clean.Create(ctx, "media", fmt.Sprintf("d%d/f%d", r.IntN(3), n.Add(1)%20))
				if err != nil {
					return err
				}
				defer up.Discard()
				if err := up.Close(); err != nil {
					return err
				}
				name = up.Name()
			}
			isolation := []sql.IsolationLevel{sql.LevelDefault, sql.LevelRepeatableRead}[r.IntN(2)]
			if d == references.SQLite {
				isolation = sql.LevelDefault
			}
			return sqlclean.InTx(ctx, db, clean, func(tx *sql.Tx, b *runtime.Batch) error {
				if kind == 1 {
					if err := tx.QueryRowContext(ctx, databases.Rebind(d, "SELECT file FROM crowd WHERE id = ?"), from).Scan(&name); err != nil {
						return err
					}
				}
				var old string
				lock := ""
				if d != references.SQLite {
					lock = " FOR UPDATE"
				}
				if err := tx.QueryRowContext(ctx, databases.Rebind(d, "SELECT file FROM crowd WHERE id = ?"+lock), id).Scan(&old); err != nil {
					return err
				}
				write := func() error {
					return sqlclean.Exec(ctx, tx, b, func(b *runtime.Batch) {
						log := b.Updated(crowdType, runtime.IntKey(id))
						log.Hold(0, name)
						log.Release(0, old)
					}, databases.Rebind(d, "UPDATE crowd SET file = ? WHERE id = ?"), name, id)
				}
				if kind == 2 {
					err := sqlclean.InSavepoint(ctx, tx, b, func() error {
						if err := write(); err != nil {
							return err
						}
						return errNo
					})
					if err != nil && !errors.Is(err, errNo) {
						return err
					}
				}
				if err := write(); err != nil {
					return err
				}
				if r.IntN(4) == 0 {
					return errNo
				}
				return nil
			}, sqlclean.WithTxOptions(&sql.TxOptions{Isolation: isolation}))
		}
		end := time.Now().Add(length)
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				r := rand.New(rand.NewPCG(uint64(i), uint64(time.Now().UnixNano())))
				for time.Now().Before(end) {
					switch err := step(r); {
					case err == nil || errors.Is(err, errNo):
						done.Add(1)
					case errors.Is(err, runtime.ErrGone):
						gone.Add(1)
					default:
						other.Add(1)
					}
				}
			})
		}
		all.Wait()
		must(clean.Close(t.Context()))
		named := map[string]bool{}
		list, err := db.Query("SELECT file FROM crowd WHERE file <> ''")
		must(err)
		defer list.Close()
		for list.Next() {
			var name string
			must(list.Scan(&name))
			named[name] = true
			if _, err := dir.Stat(name); err != nil {
				t.Errorf("a row names %s: %v", name, err)
			}
		}
		must(list.Err())
		left := 0
		must(fs.WalkDir(os.DirFS(dirOf(dir)), ".", func(name string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() && !named[name] {
				left++
				info, err := e.Info()
				must(err)
				last, _ := conflicts.Load(name)
				if when, _ := last.(time.Time); when.Before(info.ModTime()) {
					t.Errorf("%s of %v is left behind, and nobody said so (%v)", name, info.ModTime(), when)
				}
			}
			return err
		}))
		s := clean.Stats()
		if s.Open != 0 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
		t.Logf("%d done, %d gone, %d others; %d files named, %d left behind; %+v", done.Load(), gone.Load(), other.Load(), len(named), left, s)
	})
}

func dirOf(d *storage.DirFs) string { return d.Name()[len("DirFs(") : len(d.Name())-1] }
