// Package schema describes the tables of the conformance suite to ent.
package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
)

// Article is a row of articles.
type Article struct{ ent.Schema }

// Annotations of an article.
func (Article) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Annotation{Table: "article"}}
}

// Fields of an article.
func (Article) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id"),
		field.String("title").Default(""),
		field.String("img_path").Default(""),
		field.String("banner").Optional().Nillable(),
		field.Strings("pages").Optional(),
	}
}

// Part is a row of parts.
type Part struct{ ent.Schema }

// Annotations of a part.
func (Part) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Annotation{Table: "part"}}
}

// Fields of a part.
func (Part) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id"),
		field.Int64("article_id"),
		field.String("file"),
	}
}

// Album has photos, which go with it.
type Album struct{ ent.Schema }

// Fields of an album.
func (Album) Fields() []ent.Field {
	return []ent.Field{
		field.String("name").Unique(),
		field.String("cover").Optional(),
	}
}

// Edges of an album.
func (Album) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("photos", Photo.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
		edge.To("tags", Tag.Type),
	}
}

// Photo belongs to an album.
type Photo struct{ ent.Schema }

// Fields of a photo.
func (Photo) Fields() []ent.Field { return []ent.Field{field.String("file")} }

// Edges of a photo.
func (Photo) Edges() []ent.Edge {
	return []ent.Edge{edge.From("album", Album.Type).Ref("photos").Unique()}
}

// Tag is of many albums.
type Tag struct{ ent.Schema }

// Fields of a tag.
func (Tag) Fields() []ent.Field { return []ent.Field{field.String("icon")} }

// Edges of a tag.
func (Tag) Edges() []ent.Edge { return []ent.Edge{edge.From("albums", Album.Type).Ref("tags")} }
