package suite

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
)

// A Recipe gives an article another cover, as the documentation shows it for a layer: it
// creates a file, with a name near the one that is wanted, and writes the file's name into
// the row.
type Recipe func(ctx context.Context, id int64, name string, picture io.Reader) error

// RunRecipe tries a recipe that works with triggers, on some kinds of databases.
func RunRecipe(t *testing.T, open func(w *World, box *outbox.Outbox) Recipe, dialects ...references.Dialect) {
	t.Helper()
	RunWith(t, func(w *World, box *outbox.Outbox) {
		t, setCover := w.T, open(w, box)
		w.given(&models.Article{ID: 1, Cover: "p"}, &models.Article{ID: 2, Cover: "q"})
		w.Must(setCover(t.Context(), 1, "n", strings.NewReader("n")))
		w.want("1 cover=n", "2 cover=q")
		w.check()
		broken := errors.New("the client has gone")
		if err := setCover(t.Context(), 1, "m", iotest.ErrReader(broken)); !errors.Is(err, broken) {
			t.Errorf("the error is %v", err)
		}
		w.check()
		_ = setCover(t.Context(), 99, "m", strings.NewReader("m")) // no row: the file is discarded
		w.want("1 cover=n", "2 cover=q")
		w.check()
	}, dialects...)
}

// RunWith runs a test in a world with triggers, on some kinds of databases, and then
// compares the files with the rows.
func RunWith(t *testing.T, test func(w *World, box *outbox.Outbox), dialects ...references.Dialect) {
	t.Helper()
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		test(w, w.NewTriggers(w.NewCleaner()))
		w.check()
	}, dialects...)
}

// Given makes rows, past the layer, and the files that they name.
func (w *World) Given(articles ...*models.Article) {
	w.T.Helper()
	w.given(articles...)
}

// Stay makes files that must be there at the end, although no row may name them.
func (w *World) Stay(names ...string) {
	w.T.Helper()
	w.stay(names...)
}
