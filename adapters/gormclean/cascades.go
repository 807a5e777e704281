package gormclean

import (
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// warnOfCascades warns, once for each model, of foreign keys by which the database deletes
// rows with file fields when rows of the model are deleted: nobody sees that here, unless
// triggers do.
func (m *models) warnOfCascades(db *gorm.DB, s *schema.Schema, t tier) {
	if _, known := m.cascades.LoadOrStore(s.ModelType, true); known {
		return
	}
	s.Relationships.Mux.RLock()
	defer s.Relationships.Mux.RUnlock()
	for name, rel := range s.Relationships.Relations {
		if rel.FieldSchema == nil || rel.Field == nil {
			continue
		}
		c := rel.ParseConstraint()
		if c == nil || !strings.EqualFold(c.OnDelete, "CASCADE") || c.Schema == nil || c.ReferenceSchema == nil {
			continue
		}
		edge := [2]reflect.Type{c.ReferenceSchema.ModelType, c.Schema.ModelType}
		if _, warned := m.cascades.LoadOrStore(edge, true); !warned && m.hasFiles(c.Schema.ModelType) && !t.hasTriggers(db.Statement.Context, c.Schema.Table) {
			db.Logger.Warn(db.Statement.Context, "gormclean: by a foreign key, deleting rows of %s deletes those of %s, which the plugin does not see: what they name is left behind. Delete them first (%s.%s), or use triggers", c.ReferenceSchema.Name, c.Schema.Name, s.Name, name)
		}
	}
}
