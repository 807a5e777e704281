package ent_test

import (
	"context"
	"io"

	"github.com/filecleangen/filecleangen/conformance/triggered/ent/ent"
	"github.com/filecleangen/filecleangen/outbox"
)

type store struct {
	client *ent.Client
	box    *outbox.Outbox
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
	return s.client.Article.UpdateOneID(id).SetImgPath(cover.Name()).Exec(ctx)
}
