package ent_test

import (
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/filecleangen/filecleangen/conformance/triggered/ent/ent"
	"github.com/filecleangen/filecleangen/conformance/triggered/ent/ent/album"
	"github.com/filecleangen/filecleangen/conformance/triggered/ent/ent/photo"
	"github.com/filecleangen/filecleangen/conformance/triggered/ent/ent/tag"
	"github.com/filecleangen/filecleangen/conformance/triggered/internal/calls"
	"github.com/filecleangen/filecleangen/references"
)

func TestCalls(t *testing.T) {
	calls.Run(t, func(w *calls.World) {
		ctx := w.Ctx
		kind := map[references.Dialect]string{references.SQLite: dialect.SQLite, references.PostgreSQL: dialect.Postgres, references.MySQL: dialect.MySQL}[w.Dialect]
		client := ent.NewClient(ent.Driver(entsql.OpenDB(kind, w.DB)))
		w.Must(client.Schema.Create(ctx))
		w.Track("albums.cover", "photos.file", "tags.icon")
		w.Files("a b c d e p q r s t u")

		photos, err := client.Photo.MapCreateBulk([]string{"p", "q", "r"}, func(c *ent.PhotoCreate, i int) { c.SetFile([]string{"p", "q", "r"}[i]) }).Save(ctx)
		w.Want("MapCreateBulk", err, "a b c d e p q r s t u")
		tags, err := client.Tag.CreateBulk(client.Tag.Create().SetIcon("t"), client.Tag.Create().SetIcon("u")).Save(ctx)
		w.Want("CreateBulk", err, "a b c d e p q r s t u")
		first, err := client.Album.Create().SetName("1").SetCover("a").AddPhotos(photos[:2]...).AddTags(tags...).Save(ctx)
		w.Want("Create with edges", err, "a b c d e p q r s t u")
		second, err := client.Album.Create().SetName("2").SetCover("b").AddPhotos(photos[2]).AddTags(tags[0]).Save(ctx)
		w.Want("Create with edges", err, "a b c d e p q r s t u")

		w.Want("RemovePhotos", first.Update().RemovePhotos(photos[0]).Exec(ctx), "a b c d e p q r s t u") // its row stays
		_, err = client.Photo.Delete().Where(photo.Not(photo.HasAlbum())).Exec(ctx)
		w.Want("Delete by an edge", err, "a b c d e q r s t u")
		_, err = client.Photo.Update().Where(photo.HasAlbumWith(album.Name("1"))).SetFile("s").Save(ctx)
		w.Want("Update by an edge", err, "a b c d e r s t u")
		w.Want("ClearTags", first.Update().ClearTags().ClearCover().Exec(ctx), "b c d e r s t u")
		_, err = client.Tag.Delete().Where(tag.Not(tag.HasAlbums())).Exec(ctx)
		w.Want("Delete by an edge", err, "b c d e r s t")

		upsert := client.Album.CreateBulk(client.Album.Create().SetName("2").SetCover("c"), client.Album.Create().SetName("3").SetCover("d"))
		if w.Dialect == references.MySQL {
			err = upsert.OnConflict(entsql.ResolveWithNewValues()).Exec(ctx)
		} else {
			err = upsert.OnConflictColumns(album.FieldName).UpdateNewValues().Exec(ctx)
		}
		w.Want("upsert of many", err, "c d e r s t")
		w.Want("upsert, ignored", client.Album.Create().SetName("3").SetCover("x").OnConflictColumns(album.FieldName).Ignore().Exec(ctx), "c d e r s t")
		w.Want("DeleteOne, with a cascade", client.Album.DeleteOneID(second.ID).Exec(ctx), "d e s t")

		tx, err := client.Tx(ctx)
		w.Must(err)
		w.Must(tx.Album.DeleteOne(first).Exec(ctx))
		w.Want("Rollback", tx.Rollback(), "d e s t")
		_, err = client.Album.Delete().Exec(ctx)
		w.Want("Delete of all, with a cascade", err, "e t")
		w.Gone("Create", client.Photo.Create().SetFile("p").Exec(ctx))
	})
}
