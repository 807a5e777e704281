package suite

import (
	"database/sql"
	"encoding/json"
	"slices"
	"strings"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// Rows is the result of a query, such as *sql.Rows and pgx.Rows. It is read to its
// end, which closes it.
type Rows interface {
	Next() bool
	Scan(into ...any) error
	Err() error
}

// SQL is a [Tx] for layers whose users write the SQL, and log what it does by the
// generated methods: they read the rows first, FOR UPDATE, in the same transaction.
type SQL struct {
	Dialect references.Dialect

	// Query runs a query, in the transaction.
	Query func(query string, args ...any) (Rows, error)

	// Exec runs a statement that writes, and logs it by a hook, as [runtime.Batch.Exec]
	// does.
	Exec func(hook func(*runtime.Batch), query string, args ...any) error

	// Savepoint is InSavepoint.
	Savepoint func(f func() error) error
}

var _ Tx = (*SQL)(nil)

// Load is part of [Tx].
func (t *SQL) Load(id int64) (*models.Article, error) {
	rows, err := t.locked("id = ?", id)
	if err == nil && len(rows) == 0 {
		err = sql.ErrNoRows
	}
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

// Insert is part of [Tx].
func (t *SQL) Insert(a *models.Article) error {
	return t.exec(func(b *runtime.Batch) { a.FileSnapshot().LogCreate(b, a.FileKey()) },
		insertArticle, valuesOf(a)...)
}

const insertArticle = "INSERT INTO article (id, title, img_path, banner, pages) VALUES (?, ?, ?, ?, ?)"

// Save is part of [Tx].
func (t *SQL) Save(a *models.Article) error { return t.Update(a, models.Columns...) }

// SaveIf is part of [Tx].
func (t *SQL) SaveIf(title string, a *models.Article) error {
	rows, err := t.locked("id = ?", a.ID)
	if err != nil {
		return err
	}
	return t.update(rows, a, models.Columns, " AND title = ?", title)
}

// Update is part of [Tx].
func (t *SQL) Update(a *models.Article, columns ...string) error {
	rows, err := t.locked("id = ?", a.ID)
	if err != nil {
		return err
	}
	return t.update(rows, a, columns, "")
}

// UpdateWhere is part of [Tx].
func (t *SQL) UpdateWhere(title string, a *models.Article, columns ...string) error {
	rows, err := t.locked("title = ?", title)
	if err != nil {
		return err
	}
	return t.update(rows, a, columns, "")
}

// Upsert is part of [Tx]. Where there is no row to lock, another transaction may make
// one meanwhile, of which nobody knows what it names: that must not be written over.
func (t *SQL) Upsert(a *models.Article) error {
	rows, err := t.locked("id = ?", a.ID)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return t.Insert(a)
	}
	return t.exec(func(b *runtime.Batch) { a.FileSnapshot().LogUpdate(b, a.FileKey(), rows[0].FileSnapshot()) },
		insertArticle+onConflict[t.Dialect], valuesOf(a)...)
}

// onConflict has an insert write all columns of a row over the one that has its key.
var onConflict = map[references.Dialect]string{
	references.SQLite:     " ON CONFLICT (id) DO UPDATE SET title = excluded.title, img_path = excluded.img_path, banner = excluded.banner, pages = excluded.pages",
	references.PostgreSQL: " ON CONFLICT (id) DO UPDATE SET title = excluded.title, img_path = excluded.img_path, banner = excluded.banner, pages = excluded.pages",
	references.MySQL:      " ON DUPLICATE KEY UPDATE title = VALUES(title), img_path = VALUES(img_path), banner = VALUES(banner), pages = VALUES(pages)",
}

// Delete is part of [Tx].
func (t *SQL) Delete(a *models.Article) error {
	rows, err := t.locked("id = ?", a.ID)
	if err != nil {
		return err
	}
	return t.delete(rows)
}

// DeleteWhere is part of [Tx].
func (t *SQL) DeleteWhere(title string) error {
	rows, err := t.locked("title = ?", title)
	if err != nil {
		return err
	}
	return t.delete(rows)
}

// DeleteWithParts is part of [Tx].
func (t *SQL) DeleteWithParts(id int64) error {
	parts, err := t.parts(id)
	if err != nil {
		return err
	}
	hook := func(b *runtime.Batch) {
		for _, p := range parts {
			p.FileSnapshot().LogDelete(b, p.FileKey())
		}
	}
	if err := t.exec(hook, "DELETE FROM part WHERE article_id = ?", id); err != nil {
		return err
	}
	return t.Delete(&models.Article{ID: id})
}

// SaveShort is part of [Tx].
func (t *SQL) SaveShort(s *models.Short) error {
	rows, err := t.locked("id = ?", s.ID)
	if err != nil || len(rows) == 0 {
		return err
	}
	old := models.Short{ID: s.ID, Cover: rows[0].Cover}
	return t.exec(func(b *runtime.Batch) { s.FileSnapshot().LogUpdate(b, s.FileKey(), old.FileSnapshot()) },
		"UPDATE article SET img_path = ? WHERE id = ?", s.Cover, s.ID)
}

// DeleteShort is part of [Tx].
func (t *SQL) DeleteShort(s *models.Short) error {
	rows, err := t.locked("id = ?", s.ID)
	if err != nil || len(rows) == 0 {
		return err
	}
	old := models.Short{ID: s.ID, Cover: rows[0].Cover}
	return t.exec(func(b *runtime.Batch) { old.FileSnapshot().LogDelete(b, s.FileKey()) }, "DELETE FROM article WHERE id = ?", s.ID)
}

// InSavepoint is part of [Tx].
func (t *SQL) InSavepoint(f func() error) error { return t.Savepoint(f) }

// update writes columns of an article into rows that were read, and are the only
// ones that it writes: others may have come to meet the condition meanwhile.
func (t *SQL) update(rows []*models.Article, to *models.Article, columns []string, and string, args ...any) error {
	if len(rows) == 0 {
		return nil
	}
	hook := func(b *runtime.Batch) {
		for _, row := range rows {
			written := *row
			written.Assign(to, columns...)
			written.FileSnapshot().LogUpdate(b, row.FileKey(), row.FileSnapshot())
		}
	}
	where, keys := among(rows)
	set := strings.Join(columns, " = ?, ") + " = ?"
	return t.exec(hook, "UPDATE article SET "+set+" WHERE "+where+and, slices.Concat(valuesOf(to, columns...), keys, args)...)
}

// delete deletes rows that were read.
func (t *SQL) delete(rows []*models.Article) error {
	if len(rows) == 0 {
		return nil
	}
	hook := func(b *runtime.Batch) {
		for _, row := range rows {
			row.FileSnapshot().LogDelete(b, row.FileKey())
		}
	}
	where, keys := among(rows)
	return t.exec(hook, "DELETE FROM article WHERE "+where, keys...)
}

// among returns a condition that only these rows meet.
func among(rows []*models.Article) (where string, keys []any) {
	for _, row := range rows {
		keys = append(keys, row.ID)
	}
	return "id IN (?" + strings.Repeat(", ?", len(rows)-1) + ")", keys
}

// valuesOf returns what columns of an article hold, or all of them with the key.
func valuesOf(a *models.Article, columns ...string) (values []any) {
	if len(columns) == 0 {
		return append([]any{a.ID}, valuesOf(a, models.Columns...)...)
	}
	pages, _ := json.Marshal(a.Pages)
	all := map[string]any{models.Title: a.Title, models.Cover: a.Cover, models.Banner: a.Banner, models.Pages: string(pages)}
	for _, column := range columns {
		values = append(values, all[column])
	}
	return values
}

func (t *SQL) exec(hook func(*runtime.Batch), query string, args ...any) error {
	return t.Exec(hook, databases.Rebind(t.Dialect, query), args...)
}

// locked reads rows of articles, for this transaction to write.
func (t *SQL) locked(where string, args ...any) ([]*models.Article, error) {
	rows, err := t.query(selectArticles+" WHERE "+where, args...)
	if err != nil {
		return nil, err
	}
	return scanArticles(rows)
}

func (t *SQL) parts(article int64) (all []*models.Part, err error) {
	rows, err := t.query("SELECT id, article_id, file FROM part WHERE article_id = ?", article)
	if err != nil {
		return nil, err
	}
	err = eachRow(rows, func() error {
		p := &models.Part{}
		all = append(all, p)
		return rows.Scan(&p.ID, &p.ArticleID, &p.File)
	})
	return all, err
}

func (t *SQL) query(query string, args ...any) (Rows, error) {
	if t.Dialect != references.SQLite {
		query += " FOR UPDATE"
	}
	return t.Query(databases.Rebind(t.Dialect, query), args...)
}
