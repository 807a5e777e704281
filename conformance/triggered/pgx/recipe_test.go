package pgx_test

import (
	"context"
	"io"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/filecleangen/filecleangen/outbox"
)

type store struct {
	pool *pgxpool.Pool
	box  *outbox.Outbox
}

// SetCover gives an article another cover. The one before goes when no row names it.
func (s store) SetCover(ctx context.Context, id int64, name string, picture io.Reader) error {
	cover, err := s.box.Create(ctx, "media", name)
	if err != nil {
		return err
	}
	defer cover.Discard() // unless a row has come to name it
	if _, err := io.Copy(cover, picture); err != nil {
		return err
	}
	if err := cover.Close(); err != nil {
		return err
	}
	_, err = s.pool.Exec(ctx, "UPDATE article SET img_path = $1 WHERE id = $2", cover.Name(), id)
	return err
}
