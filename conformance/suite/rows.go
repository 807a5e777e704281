package suite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/references"
)

// What the rows say, past the layer.

// articles reads all rows of articles.
func (w *World) articles() []*models.Article {
	w.T.Helper()
	all, err := readArticles(w.T.Context(), w.DB)
	w.Must(err)
	return all
}

// namesIn returns the names of files in all rows.
func namesIn(ctx context.Context, db references.Queryer) (map[string]bool, error) {
	articles, err := readArticles(ctx, db)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, a := range articles {
		s := a.FileSnapshot()
		for _, name := range slices.Concat([]string{s.Cover, s.Banner}, s.Pages) {
			names[name] = true
		}
	}
	rows, err := db.QueryContext(ctx, "SELECT file FROM part") //nolint:rowserrcheck,sqlclosecheck // eachRow reads them to their end
	if err != nil {
		return nil, err
	}
	err = eachRow(rows, func() error {
		var name string
		defer func() { names[name] = true }()
		return rows.Scan(&name)
	})
	delete(names, "")
	return names, err
}

func readArticles(ctx context.Context, db references.Queryer) ([]*models.Article, error) {
	rows, err := db.QueryContext(ctx, selectArticles+" ORDER BY id") //nolint:rowserrcheck // eachRow does
	if err != nil {
		return nil, err
	}
	return scanArticles(rows)
}

const selectArticles = "SELECT id, title, img_path, banner, pages FROM article"

func scanArticles(rows Rows) (all []*models.Article, err error) {
	err = eachRow(rows, func() error {
		a := &models.Article{}
		all = append(all, a)
		var pages sql.NullString
		if err := rows.Scan(&a.ID, &a.Title, &a.Cover, &a.Banner, &pages); err != nil || pages.String == "" {
			return err
		}
		return json.Unmarshal([]byte(pages.String), &a.Pages)
	})
	return all, err
}

// eachRow reads rows to their end.
func eachRow(rows Rows, read func() error) (err error) {
	for rows.Next() {
		err = errors.Join(err, read())
	}
	return errors.Join(err, rows.Err())
}

// describe returns an article in one line, without what is empty.
func describe(a *models.Article) string {
	var b strings.Builder
	fmt.Fprint(&b, a.ID)
	if a.Title != "" {
		fmt.Fprintf(&b, " title=%s", a.Title)
	}
	if a.Cover != "" {
		fmt.Fprintf(&b, " cover=%s", a.Cover)
	}
	if a.Banner != nil {
		fmt.Fprintf(&b, " banner=%s", *a.Banner)
	}
	if len(a.Pages) > 0 {
		fmt.Fprintf(&b, " pages=%s", strings.Join(a.Pages, ","))
	}
	return b.String()
}
