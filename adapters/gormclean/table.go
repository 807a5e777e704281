package gormclean

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// Table is [references.Table] with the table and the columns that gorm has for a
// model. db need not have the plugin yet.
//
//	refs, err := references.New(ctx, own, references.PostgreSQL,
//		gormclean.Table(db, models.ArticleFileType, &models.Article{}))
func Table(db *gorm.DB, t *runtime.Type, model any) references.Option {
	return func(r *references.References) error {
		if db == nil || t == nil {
			return errors.New("gormclean.Table needs a database and a type")
		}
		stmt := &gorm.Statement{DB: db}
		if err := stmt.Parse(model); err != nil {
			return fmt.Errorf("gormclean.Table: %w", err)
		}
		columns := references.Columns{}
		for _, f := range t.Fields {
			if f.Opaque {
				continue // references.New says what to do
			}
			field := fieldOf(stmt.Schema, f.Path)
			if field == nil {
				return fmt.Errorf("gormclean.Table: gorm has no column for %s.%s in %s; is %T its model?", t.Name, f.Path, stmt.Schema.Table, model)
			}
			if _, isJSON := field.Serializer.(schema.JSONSerializer); field.Serializer != nil && !isJSON {
				return fmt.Errorf("gormclean.Table: %s.%s is written to %s by a serializer, %T, and nobody but it can read names there: use the serializer json or a plain column; or say references.Elsewhere in references.Table, and let references.Func ask", t.Name, f.Path, stmt.Schema.Table, field.Serializer)
			}
			columns[f.Path] = column(db, field, f)
		}
		return references.Table(t, stmt.Schema.Table, columns)(r)
	}
}

// fileColumns returns the columns of a model that hold names of files; nil if the
// cleaner does not know its type, or gorm not all of its fields. Types of main
// packages that have one name are taken together.
func fileColumns(types []*runtime.Type, s *schema.Schema) (columns map[string]bool) {
	for _, t := range types {
		if !isOf(t, s.ModelType) {
			continue
		}
		if columns == nil {
			columns = map[string]bool{}
		}
		for _, f := range t.Fields {
			field := fieldOf(s, f.Path)
			if field == nil {
				return nil
			}
			columns[field.DBName] = true
		}
	}
	return columns
}

// isOf reports whether a record type is that of a model.
func isOf(t *runtime.Type, model reflect.Type) bool {
	return t.Name == model.String() && (t.Package == "" || t.Package == model.PkgPath() || model.PkgPath() == "main")
}

// fieldOf returns gorm's field that holds the names at a path, or nil.
func fieldOf(s *schema.Schema, path string) *schema.Field {
	for _, f := range s.Fields {
		if f.DBName == "" {
			continue
		}
		own := strings.Join(f.BindNames, ".")
		if rest, ok := strings.CutPrefix(path, own); ok && (rest == "" || strings.ContainsAny(rest[:1], ".[")) {
			return f
		}
	}
	return nil
}

// column says how a field of gorm's holds the names of a file field.
func column(db *gorm.DB, field *schema.Field, f runtime.Field) references.Column {
	c := references.Column{Name: field.DBName}
	switch {
	case field.Serializer != nil || f.Path != strings.Join(field.BindNames, "."):
		c.Form = references.JSON
	case f.Shape == runtime.Single && db.Name() != "postgres": // which says itself
		c.Form = references.Text
	}
	return c
}
