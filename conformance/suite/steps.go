package suite

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/storage"
)

// What stories are told with.

// given makes rows, past the layer, and the files that they name.
func (w *World) given(articles ...*models.Article) {
	w.T.Helper()
	for _, a := range articles {
		pages, err := json.Marshal(a.Pages)
		w.Must(err)
		w.exec(insertArticle, a.ID, a.Title, a.Cover, a.Banner, string(pages))
		s := a.FileSnapshot()
		w.write(slices.Concat([]string{s.Cover, s.Banner}, s.Pages)...)
	}
}

// write makes files, but for those whose name is none.
func (w *World) write(names ...string) {
	w.T.Helper()
	for _, name := range names {
		if storage.CheckName(name) != nil {
			continue
		}
		path := filepath.Join(w.root, filepath.FromSlash(name))
		w.Must(os.MkdirAll(filepath.Dir(path), 0o755))
		w.Must(os.WriteFile(path, []byte(name), 0o644))
	}
}

// stay makes files that must be there at the end, although no row may name them.
func (w *World) stay(names ...string) {
	w.T.Helper()
	w.write(names...)
	for _, name := range names {
		w.others[name] = true
	}
}

// remove deletes a file behind everybody's back.
func (w *World) remove(name string) {
	w.T.Helper()
	w.Must(os.Remove(filepath.Join(w.root, name)))
}

// exec runs a statement past the layer.
func (w *World) exec(query string, args ...any) {
	w.T.Helper()
	_, err := w.DB.ExecContext(w.T.Context(), databases.Rebind(w.Dialect, query), args...)
	w.Must(err)
}

// inTx runs a transaction whose uploads get the names that they want.
func (w *World) inTx(f func(tx Tx) error, uploads ...string) error {
	return w.layer.InTx(w.T.Context(), uploads, func(tx Tx, names []string) error {
		if !slices.Equal(names, uploads) {
			w.T.Errorf("uploads are called %v, not %v", names, uploads)
		}
		return f(tx)
	})
}

// commit runs a transaction that is committed.
func (w *World) commit(f func(tx Tx) error, uploads ...string) {
	w.T.Helper()
	w.Must(w.inTx(f, uploads...))
}

var errNo = errors.New("no")

// rollback runs a transaction that is rolled back.
func (w *World) rollback(f func(tx Tx) error, uploads ...string) {
	w.T.Helper()
	err := w.inTx(func(tx Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		return errNo
	}, uploads...)
	if !errors.Is(err, errNo) {
		w.T.Fatalf("the error is %v, not that of the function", err)
	}
}

// change loads an article, changes it and saves it, in a transaction.
func (w *World) change(id int64, change func(a *models.Article), uploads ...string) {
	w.T.Helper()
	w.commit(func(tx Tx) error { return changeIn(tx, id, change) }, uploads...)
}

func changeIn(tx Tx, id int64, change func(a *models.Article)) error {
	a, err := tx.Load(id)
	if err != nil {
		return err
	}
	change(a)
	return tx.Save(a)
}

// first runs steps until one fails.
func first(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// rowsShare says that rows share files in the story: where no row is asked, it ends.
func (w *World) rowsShare() {
	w.T.Helper()
	if w.unchecked {
		w.T.Skip("nobody but the rows knows")
	}
}

// want checks what the rows of articles are, such as "1 cover=p pages=x,y".
func (w *World) want(rows ...string) {
	w.T.Helper()
	var got []string
	for _, a := range w.articles() {
		got = append(got, describe(a))
	}
	if !slices.Equal(got, rows) {
		w.T.Errorf("rows: %q, want %q", got, rows)
	}
}
