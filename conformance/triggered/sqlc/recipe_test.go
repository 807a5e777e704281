package sqlc_test

import (
	"context"
	"io"

	"github.com/filecleangen/filecleangen/conformance/triggered/sqlc/store"
	"github.com/filecleangen/filecleangen/outbox"
)

type covers struct {
	*store.Queries
	box *outbox.Outbox
}

// SetCover gives an article another cover. The one before goes when no row names it.
func (c covers) SetCover(ctx context.Context, id int64, name string, picture io.Reader) error {
	cover, err := c.box.Create(ctx, "media", name)
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
	return c.Queries.SetCover(ctx, store.SetCoverParams{ImgPath: cover.Name(), ID: id})
}
