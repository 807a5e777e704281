package xorm_test

import (
	"context"
	"io"

	"xorm.io/xorm"

	"github.com/filecleangen/filecleangen/outbox"
)

type store struct {
	engine *xorm.Engine
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
	_, err = s.engine.Context(ctx).ID(id).Cols("img_path").Update(&Article{Cover: cover.Name()})
	return err
}
