package tests_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"

	"github.com/filecleangen/filecleangen/adapters/gormclean"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// keep is plain, memory or outbox.
var keep = os.Getenv("FILECLEANGEN_KEEP")

// reported counts the files that reports named.
var reported atomic.Int64

// OpenTestConnection takes the place of gorm's own, which has another name in the copy.
func OpenTestConnection(config *gorm.Config) (*gorm.DB, error) {
	db, err := openTestConnection(config)
	if err != nil || keep == "plain" {
		return db, err
	}
	keeper, err := keeper()
	if err != nil {
		return nil, err
	}
	return db, db.Use(gormclean.New(keeper, gormclean.WithReport(func(_ context.Context, r *runtime.Report) {
		reported.Add(int64(len(r.Files)))
	})))
}

// keeper is the one of all connections.
var keeper = sync.OnceValues(func() (runtime.Keeper, error) {
	db, err := openTestConnection(&gorm.Config{})
	if err != nil {
		return nil, err
	}
	drivers := map[string]string{"sqlite": "sqlite3", "postgres": "pgx", "mysql": "mysql"}
	dialects := map[string]references.Dialect{"sqlite": references.SQLite, "postgres": references.PostgreSQL, "mysql": references.MySQL}
	dsn := os.Getenv("GORM_DSN")
	if db.Name() == "sqlite" {
		dsn = filepath.Join(os.TempDir(), "gorm.db") + "?_txlock=immediate"
	}
	own, err := sql.Open(drivers[db.Name()], dsn)
	if err != nil {
		return nil, err
	}
	// References need the tables, which gorm's tests drop, and make again.
	DB = db
	RunMigrations()
	var tables []references.Option
	var types []*runtime.Type
	for t, model := range tagged {
		types = append(types, t)
		tables = append(tables, gormclean.Table(db, t, model))
	}
	ctx, dialect := context.Background(), dialects[db.Name()]
	refs, err := references.New(ctx, own, dialect, tables...)
	if err != nil {
		return nil, err
	}
	root, err := os.MkdirTemp("", "media")
	if err != nil {
		return nil, err
	}
	dir, err := storage.Dir(root)
	if err != nil {
		return nil, err
	}
	clean, err := runtime.New(
		runtime.WithStorage("media", dir),
		runtime.WithTypes(types...),
		runtime.WithReferences(refs),
		runtime.WithLogger(slog.New(slog.DiscardHandler)),
	)
	if err != nil || keep == "memory" {
		return clean, err
	}
	if keep != "outbox" {
		return nil, fmt.Errorf("FILECLEANGEN_KEEP=%s", keep)
	}
	if err := outbox.Migrate(ctx, own, dialect); err != nil {
		return nil, err
	}
	return outbox.New(ctx, clean, refs)
})

// TestPluginSaw reports whether the plugin was there: that of a suite where it was not
// says nothing.
func TestPluginSaw(t *testing.T) {
	if keep != "plain" && DB.Plugins["filecleangen"] == nil {
		t.Error("gorm does not have the plugin")
	}
	t.Logf("files that the plugin reported: %d", reported.Load())
	if keep != "plain" && len(tagged) > 0 && reported.Load() == 0 {
		t.Error("the plugin saw no file go")
	}
}
