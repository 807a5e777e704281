// Package schema describes the tables, and which columns name files.
package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"

	"github.com/filecleangen/filecleangen/examples/ent/doc"
)

// Article is a row of the table articles.
type Article struct{ ent.Schema }

// Fields of an article.
func (Article) Fields() []ent.Field {
	return []ent.Field{
		field.String("cover").StructTag(`file:"media,default=covers/blank.png"`),
		field.JSON("body", doc.Body{}).Optional(),
	}
}

// Edges of an article.
func (Article) Edges() []ent.Edge {
	return []ent.Edge{edge.From("author", Author.Type).Ref("articles").Unique()}
}

// Author is a row of the table authors.
type Author struct{ ent.Schema }

// Fields of an author.
func (Author) Fields() []ent.Field { return []ent.Field{field.String("name")} }

// Edges of an author.
func (Author) Edges() []ent.Edge { return []ent.Edge{edge.To("articles", Article.Type)} }
