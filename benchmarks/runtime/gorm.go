package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	gormmysql "gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/filecleangen/filecleangen/adapters/gormclean"
	"github.com/filecleangen/filecleangen/benchmarks/runtime/gormmodels"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// bulk is how many rows a statement writes that writes many; no other one touches
// those with higher keys.
const bulk = 1000

// depot is a database that gorm writes, without the plugin and with it.
type depot struct {
	*mall
	root   string // of the storage
	plain  *gorm.DB
	outbox *gorm.DB // with the plugin
	memory *gorm.DB // with the plugin, without an outbox
}

func openDepot(m *mall, root string, media *storage.DirFs) (*depot, error) {
	s := &depot{mall: m, root: root}
	var err error
	if s.plain, err = s.open(); err != nil {
		return nil, err
	}
	if err := s.plain.AutoMigrate(&gormmodels.Article{}, &gormmodels.Note{}); err != nil {
		return nil, err
	}
	in := gormclean.Table(s.plain, gormmodels.ArticleFileType, &gormmodels.Article{})
	if err := m.promises(context.Background(), media, gormmodels.ArticleFileType, in); err != nil {
		return nil, err
	}
	if s.outbox, err = s.open(gormclean.New(m.box)); err != nil {
		return nil, err
	}
	own, err := cleanerOf(media, gormmodels.ArticleFileType, runtime.WithReferences(m.refs)) // that of the outbox is the outbox's
	if err != nil {
		return nil, err
	}
	if s.memory, err = s.open(gormclean.New(own)); err != nil {
		return nil, err
	}
	notes := make([]gormmodels.Note, articles)
	return s, firstOf(s.fill(1, articles), s.plain.CreateInBatches(notes, 500).Error)
}

// open returns a gorm of its own: plugins are for all that is made of one.
func (s *depot) open(plugins ...gorm.Plugin) (*gorm.DB, error) {
	db, err := gorm.Open(map[references.Dialect]gorm.Dialector{
		references.SQLite:     sqlite.Dialector{Conn: s.db},
		references.PostgreSQL: postgres.New(postgres.Config{Conn: s.db}),
		references.MySQL:      gormmysql.New(gormmysql.Config{Conn: s.db}),
	}[s.d], &gorm.Config{Logger: logger.Discard})
	for _, p := range plugins {
		err = firstOf(err, db.Use(p))
	}
	return db, err
}

// fill makes the articles with keys from first to last, each with files of its own.
func (s *depot) fill(first, last int) error {
	var all []gormmodels.Article
	for id := first; id <= last; id++ {
		all = append(all, gormmodels.Article{ID: int64(id), Title: "title", Cover: "files/" + coverOf(id), Banner: "files/" + bannerOf(id)})
	}
	return s.plain.CreateInBatches(all, 500).Error
}

func coverOf(id int) string {
	return fmt.Sprintf("d%02d/e%02d/c%06d.png", id%directories/16, id%16, id)
}
func bannerOf(id int) string {
	return fmt.Sprintf("d%02d/e%02d/b%06d.png", id%directories/16, id%16, id)
}

// reset makes the articles what they were, with the files of so many of the first,
// and empties the outbox.
func (s *depot) reset(files int) error {
	err := firstOf(
		s.plain.Exec("DELETE FROM filecleangen_outbox").Error,
		s.plain.Delete(&gormmodels.Article{}, "id <= ?", bulk).Error,
		s.fill(1, bulk),
		s.plain.Exec("DELETE FROM filecleangen_outbox").Error, // where triggers have written
		os.RemoveAll(s.files()),
	)
	if err != nil {
		return err
	}
	var names []string
	for id := 1; id <= files; id++ {
		names = append(names, coverOf(id), bannerOf(id))
	}
	return plant(s.files(), names)
}

// files is the directory that has the files of all articles: the root has the
// outbox's marker besides.
func (s *depot) files() string { return filepath.Join(s.root, "files") }

// left counts the files.
func (s *depot) left() (n int, err error) {
	err = filepath.WalkDir(s.files(), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	return n, err
}
