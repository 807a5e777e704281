package gormclean_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gormmysql "gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/plugin/dbresolver"

	"github.com/filecleangen/filecleangen/adapters/gormclean"
	"github.com/filecleangen/filecleangen/conformance/gormclean/models"
	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// mode is how a world uses gorm.
type mode string

const (
	plain        mode = "without the plugin"
	withOutbox   mode = "outbox"
	withTriggers mode = "triggers" // and an outbox, and the plugin
	inMemory     mode = "memory"
)

// world is a database with gorm, with the plugin or without, and a directory.
type world struct {
	t       *testing.T
	d       references.Dialect
	mode    mode
	root    string
	db      *gorm.DB
	own     *sql.DB // of the references
	clean   *runtime.Cleaner
	keeper  runtime.Keeper // the cleaner, or its outbox
	box     *outbox.Outbox // in memory: nil
	relay   *outbox.Relay
	rec     *recorder
	uploads []*runtime.Upload // to be discarded
	notes   []string          // what gorm said
	more    []any             // models that only this world has, with a column file
}

func newWorld(t *testing.T, d references.Dialect, m mode, config gorm.Config) *world {
	t.Helper()
	w := openWorld(t, d, m, config)
	w.fill()
	if m == withOutbox || m == withTriggers {
		w.settle() // what rows have taken would go by itself if they let go of it unseen
	}
	return w
}

// openWorld makes a world without rows, with plugins that are used before ours.
func openWorld(t *testing.T, d references.Dialect, m mode, config gorm.Config, first ...gorm.Plugin) *world {
	t.Helper()
	w := &world{t: t, d: d, mode: m, root: t.TempDir(), rec: &recorder{Interface: logger.Discard}}
	dsn := databases.New(t, d)
	db, err := databases.Open(d, dsn)
	w.must(err)
	w.own, err = databases.Open(d, dsn)
	w.must(err)
	t.Cleanup(func() {
		_ = db.Close()
		_ = w.own.Close()
	})
	config.Logger = w.rec
	config.DisableForeignKeyConstraintWhenMigrating = true // so that the stories are the same everywhere
	w.db, err = gorm.Open(dialector(d, db), &config)
	w.must(err)
	w.must(w.db.AutoMigrate(&models.Album{}, &models.Item{}, &models.Letter{}, &models.Plain{}))

	types := []*runtime.Type{models.AlbumFileType, models.ItemFileType, models.LetterFileType}
	var tables []references.Option
	var observers []runtime.Option
	var more []gormclean.Option
	for _, p := range first {
		w.must(w.db.Use(p))
		if r, ok := p.(*with); ok {
			w.must(w.db.AutoMigrate(r.model))
			types = append(types, r.typ)
			tables = append(tables, gormclean.Table(w.db, r.typ, r.model))
			w.more = append(w.more, r.model)
		}
		if r, ok := p.(*reported); ok {
			observers = append(observers, r.observer())
		}
		if r, ok := p.(*told); ok {
			more = append(more, gormclean.WithReport(r.tell))
		}
	}

	dir, err := storage.Dir(w.root)
	w.must(err)
	t.Cleanup(func() { _ = dir.Close() })
	options := []runtime.Option{
		runtime.WithStorage("media", dir),
		runtime.WithTypes(types...),
		runtime.WithLogger(slog.New(slog.DiscardHandler)),
	}
	options = append(options, observers...)
	refs := w.references(tables...)
	w.clean, err = runtime.New(append(options, runtime.WithReferences(refs))...)
	w.must(err)
	w.keeper = w.clean
	if m == inMemory {
		w.must(w.db.Use(gormclean.New(w.clean, more...)))
		return w
	}
	w.must(outbox.Migrate(t.Context(), w.own, d))
	w.must(outbox.Mark(dir, "test"))
	w.box, err = outbox.New(t.Context(), w.clean, refs)
	w.must(err)
	w.keeper = w.box
	w.relay, err = w.box.Relay(t.Context(), "test")
	w.must(err)
	if m == withTriggers {
		w.must(w.box.InstallTriggers(t.Context()))
		w.knows("items")
	}
	if m == withOutbox || m == withTriggers {
		w.must(w.db.Use(gormclean.New(w.box, more...)))
	}
	return w
}

func dialector(d references.Dialect, db *sql.DB) gorm.Dialector {
	return map[references.Dialect]gorm.Dialector{
		references.SQLite:     sqlite.Dialector{Conn: db},
		references.PostgreSQL: postgres.New(postgres.Config{Conn: db}),
		references.MySQL:      gormmysql.New(gormmysql.Config{Conn: db}),
	}[d]
}

// transaction is how a world begins one.
func (w *world) transaction(db *gorm.DB, f func(tx *gorm.DB) error) error {
	if w.box == nil {
		return gormclean.Transaction(db, f)
	}
	return db.Transaction(f)
}

// references makes references to the rows of package models.
func (w *world) references(more ...references.Option) *references.References {
	w.t.Helper()
	refs, err := references.New(w.t.Context(), w.own, w.d, append(more,
		gormclean.Table(w.db, models.AlbumFileType, &models.Album{}),
		gormclean.Table(w.db, models.ItemFileType, &models.Item{}),
		gormclean.Table(w.db, models.LetterFileType, &models.Letter{}),
	)...)
	w.must(err)
	return refs
}

// with is one more model of a world, as a plugin by which that knows.
type with struct {
	typ   *runtime.Type
	model any
}

// Name is called by gorm.
func (r *with) Name() string { return r.typ.Name }

// Initialize is called by gorm.
func (*with) Initialize(*gorm.DB) error { return nil }

// recorder keeps the SQL that gorm runs, and apart from it what the plugin asks.
type recorder struct {
	logger.Interface
	on        bool
	sql, asks []string
	after     func(sql string) // called after each statement; or nil

	mu     sync.Mutex
	warned []string
}

// Warn is called by gorm, and by the plugin.
func (r *recorder) Warn(_ context.Context, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.warned = append(r.warned, fmt.Sprintf(format, args...))
}

var savepointName = regexp.MustCompile(`sp\d+`)

// Trace is called by gorm.
func (r *recorder) Trace(_ context.Context, _ time.Time, statement func() (string, int64), _ error) {
	sql, _ := statement()
	if r.after != nil {
		r.after(sql)
	}
	switch {
	case !r.on:
	case strings.Contains(sql, "/* filecleangen */"):
		r.asks = append(r.asks, sql)
	default:
		r.sql = append(r.sql, savepointName.ReplaceAllString(sql, "sp"))
	}
}

// ParamsFilter is called by gorm: values need not be the same, such as times.
func (r *recorder) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}

// tell has a story told, and keeps the SQL.
func (w *world) tell(story func(w *world, db *gorm.DB)) {
	w.t.Helper()
	w.rec.on = true
	story(w, w.db)
	w.rec.on = false
}

// fill makes rows, each with files of its own.
func (w *world) fill() {
	w.t.Helper()
	for i := range int64(4) {
		n := strconv.FormatInt(i+1, 10)
		w.must(w.db.Create(&models.Album{
			ID: i + 1, Title: "album " + n, Slug: new("slug" + n), Cover: w.file("cover" + n), Base: models.Base{Banner: w.file("banner" + n)},
			Pages:  []string{w.file("page" + n + "a"), w.file("page" + n + "b")},
			Photos: []models.Photo{{File: w.file("photo" + n), Text: "text"}},
			Items:  []models.Item{{File: w.file("item" + n + "a")}, {File: w.file("item" + n + "b")}},
		}).Error)
		w.must(w.db.Create(&models.Letter{Model: gorm.Model{ID: uint(i + 1)}, File: w.file("letter" + n)}).Error)
	}
	w.must(w.db.Create(&models.Plain{ID: 1, Text: "x"}).Error)
}

// file uploads a file, which is discarded when the world is checked, and returns its
// name.
func (w *world) file(name string) string {
	w.t.Helper()
	up := w.upload(name)
	w.uploads = append(w.uploads, up)
	return up.Name()
}

// upload uploads a file, for the caller to discard.
func (w *world) upload(name string) *runtime.Upload {
	w.t.Helper()
	up, err := w.keeper.Create(w.t.Context(), "media", name)
	w.must(err)
	w.must(up.Close())
	return up
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// did notes what gorm said of a statement.
func (w *world) did(tx *gorm.DB) {
	w.notes = append(w.notes, fmt.Sprintf("%d rows, %v", tx.RowsAffected, tx.Error))
	if tx.Error != nil && !errors.Is(tx.Error, gorm.ErrMissingWhereClause) {
		w.t.Log(tx.Error)
	}
}

// settle discards uploads, and has all deletions made that are due. The time passes of
// what relays are to try again; that of uploads need not.
func (w *world) settle() {
	w.t.Helper()
	for _, up := range w.uploads {
		up.Discard()
	}
	w.uploads = nil
	if w.box == nil {
		return
	}
	// A relay that was stopped in the middle of a transaction leaves it to the server,
	// which holds its locks until it has noticed: neither is the statement below always
	// possible at once, nor does Drain see all rows.
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		stats, err := w.drain()
		if err == nil && stats == (outbox.Stats{}) {
			return
		}
		if err != nil && !databases.Refused(err) || time.Now().After(end) {
			w.t.Errorf("left in the outbox: %+v, %v", stats, err)
			return
		}
	}
}

// drain makes all that was released due, deletes it, and says what is left.
func (w *world) drain() (outbox.Stats, error) {
	err := w.db.Exec("UPDATE filecleangen_outbox SET not_before = 0 WHERE state NOT IN ('writing', 'upload')").Error
	if err != nil {
		return outbox.Stats{}, err
	}
	if _, err := w.relay.Drain(w.t.Context()); err != nil {
		return outbox.Stats{}, err
	}
	return w.box.Stats(w.t.Context())
}

// check compares the files with the rows.
func (w *world) check() {
	w.t.Helper()
	w.settle()
	var onDisk []string
	w.must(filepath.WalkDir(w.root, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != outbox.MarkerName {
			onDisk = append(onDisk, d.Name())
		}
		return err
	}))
	slices.Sort(onDisk)
	named := w.named()
	for _, name := range named {
		if !slices.Contains(onDisk, name) {
			w.t.Errorf("LOST: %s", name)
		}
	}
	for _, name := range onDisk {
		if !slices.Contains(named, name) {
			w.t.Errorf("left behind: %s", name)
		}
	}
}

// named returns the files that rows name, sorted.
func (w *world) named() []string {
	w.t.Helper()
	all, err := w.namedNow()
	w.must(err)
	return all
}

func (w *world) namedNow() (all []string, err error) {
	add := func(s any) {
		text, _ := json.Marshal(s)
		var fields map[string]any
		_ = json.Unmarshal(text, &fields)
		for _, v := range fields {
			switch v := v.(type) {
			case string:
				all = append(all, v)
			case []any:
				for _, v := range v {
					all = append(all, v.(string))
				}
			}
		}
	}
	var albums []models.Album
	var items []models.Item
	var letters []models.Letter
	db := w.db.Session(&gorm.Session{Logger: logger.Discard, Context: context.Background()}).Clauses(dbresolver.Write).Session(&gorm.Session{})
	err = errors.Join(db.Find(&albums).Error, db.Find(&items).Error, db.Unscoped().Find(&letters).Error)
	for _, model := range w.more {
		var files []string
		err = errors.Join(err, db.Model(model).Pluck("file", &files).Error)
		all = append(all, files...)
	}
	for i := range albums {
		add(albums[i].FileSnapshot())
	}
	for i := range items {
		add(items[i].FileSnapshot())
	}
	for i := range letters {
		add(letters[i].FileSnapshot())
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(name string) bool { return name == "" || name == "blank.png" }), err
}

// dump returns all rows, but for times.
func (w *world) dump() string {
	w.t.Helper()
	var albums []models.Album
	var letters []models.Letter
	var plain []models.Plain
	w.must(errors.Join(
		w.db.Preload("Items", func(db *gorm.DB) *gorm.DB { return db.Order("id") }).Order("id").Find(&albums).Error,
		w.db.Unscoped().Order("id").Find(&letters).Error,
		w.db.Order("id").Find(&plain).Error,
	))
	var b strings.Builder
	for _, a := range albums {
		text, err := json.Marshal(a)
		w.must(err)
		fmt.Fprintf(&b, "%s\n", text)
	}
	for _, l := range letters {
		fmt.Fprintf(&b, "letter %d %s deleted %v\n", l.ID, l.File, l.DeletedAt.Valid)
	}
	fmt.Fprintf(&b, "%v\n", plain)
	return b.String()
}
