package blog

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/afero"
	_ "modernc.org/sqlite"

	"github.com/filecleangen/filecleangen/examples/protobuf/pb"
	"github.com/filecleangen/filecleangen/runtime"
)

func TestBodies(t *testing.T) {
	ctx, media := t.Context(), afero.NewMemMapFs()
	must(t, afero.WriteFile(media, "covers/blank.png", nil, 0o600))
	path := filepath.Join(t.TempDir(), "blog.db")
	db, err := sql.Open("sqlite", path+"?_txlock=immediate")
	must(t, err)
	defer db.Close()
	_, err = db.ExecContext(ctx, schema)
	must(t, err)

	own, err := sql.Open("sqlite", path)
	must(t, err)
	defer own.Close()
	refs, err := References(ctx, own)
	must(t, err)
	cleaner, err := runtime.New(
		runtime.WithStorage("media", media),
		runtime.WithTypes(FileTypes()...),
		runtime.WithReferences(refs),
	)
	must(t, err)
	for _, name := range []string{"covers/moon.png", "covers/noon.png", "covers/sunrise.png"} {
		up, err := cleaner.Create(ctx, "media", name)
		must(t, err)
		defer up.Discard()
		must(t, up.Close())
	}
	in := func(f func(*Tx) error) error { return InTx(ctx, db, cleaner, f) }

	must(t, in(func(tx *Tx) error {
		return tx.Insert(ctx, &Article{ID: 1, Body: &pb.Body{
			Cover:    "covers/sunrise.png",
			Sections: []*pb.Section{{Text: "Night", Image: "covers/moon.png"}},
		}})
	}))
	noon := func(body *pb.Body) { body.Cover = "covers/noon.png" }
	blank := func(body *pb.Body) { body.Cover = "covers/blank.png" }
	day := func(body *pb.Body) { body.Sections = nil }

	no := errors.New("no")
	if err := in(func(tx *Tx) error { return errors.Join(tx.Change(ctx, 1, noon), no) }); !errors.Is(err, no) {
		t.Error(err)
	}
	wantFiles(t, media, "covers/blank.png covers/moon.png covers/noon.png covers/sunrise.png")

	must(t, in(func(tx *Tx) error { return tx.Change(ctx, 1, blank) }))
	wantFiles(t, media, "covers/blank.png covers/moon.png covers/noon.png")

	must(t, in(func(tx *Tx) error { return errors.Join(tx.Change(ctx, 1, noon), tx.Change(ctx, 1, day)) }))
	wantFiles(t, media, "covers/blank.png covers/noon.png")

	must(t, in(func(tx *Tx) error { return tx.Delete(ctx, 1) }))
	wantFiles(t, media, "covers/blank.png")
}

func wantFiles(t *testing.T, media afero.Fs, want string) {
	t.Helper()
	files, err := afero.Glob(media, "covers/*")
	must(t, err)
	if got := strings.Join(files, " "); got != want {
		t.Errorf("files: %s, want %s", got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
