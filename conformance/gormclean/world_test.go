package gormclean_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	gormmysql "gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/filecleangen/filecleangen/adapters/gormclean"
	"github.com/filecleangen/filecleangen/conformance/gormclean/models"
	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/runtime"
)

// world is a database with gorm, with the plugin or without, and a directory.
type world struct {
	t     *testing.T
	d     outbox.Dialect
	root  string
	db    *gorm.DB
	box   *outbox.Outbox
	relay *outbox.Relay
	notes []string // what gorm said
}

func newWorld(t *testing.T, d outbox.Dialect, plugin bool, config gorm.Config) *world {
	t.Helper()
	w := &world{t: t, d: d, root: t.TempDir()}
	db, err := databases.Open(d, databases.New(t, d))
	w.must(err)
	t.Cleanup(func() { _ = db.Close() })
	config.Logger = logger.Discard
	config.DisableForeignKeyConstraintWhenMigrating = true // so that the stories are the same everywhere
	w.db, err = gorm.Open(map[outbox.Dialect]gorm.Dialector{
		outbox.SQLite:     sqlite.Dialector{Conn: db},
		outbox.PostgreSQL: postgres.New(postgres.Config{Conn: db}),
		outbox.MariaDB:    gormmysql.New(gormmysql.Config{Conn: db}),
	}[d], &config)
	w.must(err)
	w.must(w.db.AutoMigrate(&models.Album{}, &models.Item{}, &models.Letter{}, &models.Plain{}))

	dir, err := runtime.Dir(w.root)
	w.must(err)
	t.Cleanup(func() { _ = dir.Close() })
	clean, err := runtime.New(
		runtime.WithStorage("media", dir),
		runtime.WithTypes(models.AlbumFileType, models.ItemFileType, models.LetterFileType),
		runtime.WithLogger(slog.New(slog.DiscardHandler)),
	)
	w.must(err)
	w.must(outbox.Migrate(t.Context(), db, d))
	w.must(outbox.Mark(dir, "test"))
	w.box, err = outbox.New(clean, db, d,
		gormclean.Stored(w.db, models.AlbumFileType, &models.Album{}),
		gormclean.Stored(w.db, models.ItemFileType, &models.Item{}),
		gormclean.Stored(w.db, models.LetterFileType, &models.Letter{}),
	)
	w.must(err)
	w.relay, err = w.box.Relay(t.Context(), "test")
	w.must(err)
	if plugin {
		w.must(w.db.Use(gormclean.New(w.box)))
	}
	w.fill()
	return w
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

// file uploads a file, and returns its name.
func (w *world) file(name string) string {
	w.t.Helper()
	u, err := w.box.Create(w.t.Context(), "media", name)
	w.must(err)
	w.must(u.Close())
	return u.Name()
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

// check compares the files with the rows.
func (w *world) check() {
	w.t.Helper()
	w.must(w.db.Exec("UPDATE filecleangen_outbox SET not_before = 0").Error)
	_, err := w.relay.Drain(w.t.Context())
	w.must(err)
	stats, err := w.box.Stats(w.t.Context())
	if err != nil || stats != (outbox.Stats{}) {
		w.t.Errorf("left in the outbox: %+v, %v", stats, err)
	}
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
func (w *world) named() (all []string) {
	w.t.Helper()
	add := func(s any) {
		text, err := json.Marshal(s)
		w.must(err)
		var fields map[string]any
		w.must(json.Unmarshal(text, &fields))
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
	w.must(errors.Join(w.db.Find(&albums).Error, w.db.Find(&items).Error, w.db.Unscoped().Find(&letters).Error))
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
	return slices.DeleteFunc(slices.Compact(all), func(name string) bool { return name == "" || name == "blank.png" })
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
