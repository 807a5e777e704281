// Package schema describes the tables of the conformance suite to ent.
package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
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
