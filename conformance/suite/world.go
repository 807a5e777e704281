package suite

import (
	"database/sql"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/internal/logs"
	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// Storage is the name of the one storage of a world.
const Storage = "media"

const environment = "suite"

// A World is what one story happens in: a new database with the tables of package
// models, and an empty directory.
type World struct {
	T       *testing.T
	Dialect references.Dialect
	DB      *sql.DB
	DSN     string // by which DB was opened, for layers that have their own way

	root   string
	media  *media
	logs   *logs.Buffer
	events *events
	refs   *references.References
	box    *outbox.Outbox // nil in memory
	relay  *outbox.Relay
	layer  Layer

	triggers  bool // whether the database itself tells the outbox what rows name
	unchecked bool // whether no row is asked
	unsure    bool // whether a write may have hit no row: unchecked, what it was to name stays

	others   map[string]bool // files that nobody lets go of, whatever rows name
	dangling map[string]bool // names whose files have gone while a row names them, as they must
	reported []runtime.Cause // why files may be left behind in memory
}

func newWorld(t *testing.T, d references.Dialect) *World {
	t.Helper()
	w := &World{
		T: t, Dialect: d, DSN: databases.New(t, d), root: t.TempDir(),
		logs: logs.New(), events: &events{},
		others: map[string]bool{}, dangling: map[string]bool{},
	}
	var err error
	w.DB, err = databases.Open(d, w.DSN)
	w.Must(err)
	dir, err := storage.Dir(w.root)
	w.Must(err)
	w.media = &media{DirFs: dir}
	t.Cleanup(func() {
		_ = w.DB.Close()
		_ = dir.Close()
	})
	for _, statement := range schema[d] {
		w.exec(statement)
	}
	return w
}

// Must ends the story if there is an error.
func (w *World) Must(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// NewCleaner makes the cleaner of the world, for the types of package models. It asks
// the rows.
func (w *World) NewCleaner() *runtime.Cleaner {
	w.T.Helper()
	return w.NewCleanerFor(models.FileTypes(), Stored()...)
}

// NewCleanerFor is NewCleaner for layers whose records are of other types. The options
// say where these are stored.
func (w *World) NewCleanerFor(types []*runtime.Type, stored ...references.Option) *runtime.Cleaner {
	w.T.Helper()
	own, err := databases.Open(w.Dialect, w.DSN)
	w.Must(err)
	w.T.Cleanup(func() { _ = own.Close() })
	w.refs, err = references.New(w.T.Context(), own, w.Dialect, stored...)
	w.Must(err)
	return w.newCleaner(types, runtime.WithReferences(w.refs))
}

// NewUncheckedCleaner is NewCleaner for a cleaner that asks no row: what the layer says
// must do. Stories are left out in which nobody but the rows can know.
func (w *World) NewUncheckedCleaner() *runtime.Cleaner {
	w.T.Helper()
	w.unchecked = true
	return w.newCleaner(models.FileTypes(), runtime.Unchecked())
}

func (w *World) newCleaner(types []*runtime.Type, know runtime.Option) *runtime.Cleaner {
	w.T.Helper()
	cleaner, err := runtime.New(
		runtime.WithStorage(Storage, w.media),
		runtime.WithTypes(types...),
		runtime.WithProtected(func(ref runtime.Ref) bool { return ref.Name == computedDefault }),
		know,
		runtime.WithObserver(w.events.observer()),
		runtime.WithRetry(runtime.Retry{Attempts: 1}),
		runtime.WithLogger(w.logs.Logger()),
	)
	w.Must(err)
	return cleaner
}

// NewOutbox gives the cleaner of the world an outbox in its database.
func (w *World) NewOutbox(cleaner *runtime.Cleaner) *outbox.Outbox {
	w.T.Helper()
	ctx := w.T.Context()
	w.Must(outbox.Migrate(ctx, w.refs.DB(), w.Dialect))
	w.Must(outbox.Mark(w.media, environment))
	var err error
	w.box, err = outbox.New(ctx, cleaner, w.refs)
	w.Must(err)
	w.relay, err = w.box.Relay(ctx, environment,
		outbox.WithAttempts(1, 0, 0),
		outbox.WithRelayLogger(w.logs.Logger()))
	w.Must(err)
	return w.box
}

// NewTriggers is NewOutbox, and has the database tell the outbox what rows name: the
// layer calls nothing but Create, for uploads.
func (w *World) NewTriggers(cleaner *runtime.Cleaner) *outbox.Outbox {
	w.T.Helper()
	box := w.NewOutbox(cleaner)
	w.Must(box.InstallTriggers(w.T.Context()))
	w.triggers = true
	return box
}

// Stored says where the records of package models are stored.
func Stored() []references.Option {
	banner := references.Columns{"Base.Banner": {Name: models.Banner, Form: references.Text}}
	return []references.Option{
		references.Table(models.ArticleFileType, "article", banner),
		references.Table(models.ShortFileType, "article"),
		references.Table(models.PartFileType, "part"),
	}
}

// inMemory reports whether the layer keeps its promises in memory.
func (w *World) inMemory() bool { return w.box == nil }
