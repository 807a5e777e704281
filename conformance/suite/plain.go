package suite

import (
	"database/sql"
	"strings"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/references"
)

// Plain is a [Tx] for layers whose users write the SQL, and tell nobody what it does: it
// is for triggers to see. What a write does not need to know it does not read.
type Plain struct {
	Dialect references.Dialect

	// Query runs a query, in the transaction.
	Query func(query string, args ...any) (Rows, error)

	// Exec runs a statement that writes.
	Exec func(query string, args ...any) error

	// Savepoint is InSavepoint.
	Savepoint func(f func() error) error
}

var _ Tx = (*Plain)(nil)

// Load is part of [Tx].
func (t *Plain) Load(id int64) (*models.Article, error) {
	query := selectArticles + " WHERE id = ?"
	if t.Dialect != references.SQLite {
		query += " FOR UPDATE"
	}
	rows, err := t.Query(databases.Rebind(t.Dialect, query), id)
	if err != nil {
		return nil, err
	}
	all, err := scanArticles(rows)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, sql.ErrNoRows
	}
	return all[0], nil
}

// Insert is part of [Tx].
func (t *Plain) Insert(a *models.Article) error { return t.exec(insertArticle, valuesOf(a)...) }

// Save is part of [Tx].
func (t *Plain) Save(a *models.Article) error { return t.Update(a, models.Columns...) }

// SaveIf is part of [Tx].
func (t *Plain) SaveIf(title string, a *models.Article) error {
	return t.update("id = ? AND title = ?", []any{a.ID, title}, a, models.Columns...)
}

// Update is part of [Tx].
func (t *Plain) Update(a *models.Article, columns ...string) error {
	return t.update("id = ?", []any{a.ID}, a, columns...)
}

// UpdateWhere is part of [Tx].
func (t *Plain) UpdateWhere(title string, a *models.Article, columns ...string) error {
	return t.update("title = ?", []any{title}, a, columns...)
}

// Upsert is part of [Tx].
func (t *Plain) Upsert(a *models.Article) error {
	return t.exec(insertArticle+onConflict[t.Dialect], valuesOf(a)...)
}

// Delete is part of [Tx].
func (t *Plain) Delete(a *models.Article) error {
	return t.exec("DELETE FROM article WHERE id = ?", a.ID)
}

// DeleteWhere is part of [Tx].
func (t *Plain) DeleteWhere(title string) error {
	return t.exec("DELETE FROM article WHERE title = ?", title)
}

// DeleteWithParts is part of [Tx].
func (t *Plain) DeleteWithParts(id int64) error {
	if err := t.exec("DELETE FROM part WHERE article_id = ?", id); err != nil {
		return err
	}
	return t.exec("DELETE FROM article WHERE id = ?", id)
}

// SaveShort is part of [Tx].
func (t *Plain) SaveShort(s *models.Short) error {
	return t.exec("UPDATE article SET img_path = ? WHERE id = ?", s.Cover, s.ID)
}

// DeleteShort is part of [Tx].
func (t *Plain) DeleteShort(s *models.Short) error {
	return t.exec("DELETE FROM article WHERE id = ?", s.ID)
}

// InSavepoint is part of [Tx].
func (t *Plain) InSavepoint(f func() error) error { return t.Savepoint(f) }

func (t *Plain) update(where string, args []any, a *models.Article, columns ...string) error {
	set := strings.Join(columns, " = ?, ") + " = ?"
	return t.exec("UPDATE article SET "+set+" WHERE "+where, append(valuesOf(a, columns...), args...)...)
}

func (t *Plain) exec(query string, args ...any) error {
	return t.Exec(databases.Rebind(t.Dialect, query), args...)
}
