package gormclean

import (
	"reflect"
	"slices"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/filecleangen/filecleangen/runtime"
)

// snapshot is what the generated method FileSnapshot returns.
type snapshot interface {
	LogCreate(b *runtime.Batch, key runtime.Key)
	LogDelete(b *runtime.Batch, key runtime.Key)
}

// models knows the generated methods of models, and their unique indexes.
type models struct {
	known    sync.Map // reflect.Type -> methods
	indexes  sync.Map // reflect.Type -> [][]string
	triggers sync.Map // table -> whether it has triggers that write after statements
	ours     sync.Map // tables on which sessions saw triggers of filecleangen's
	cascades sync.Map // what was looked at for them: models, and pairs of them

	updatesReturn, deletesReturn bool // whether statements can say which rows they write
}

func (m *models) init(db *gorm.DB) {
	c := db.Callback()
	// MariaDB can say it of a DELETE, and gorm takes it for able to do both.
	m.updatesReturn = db.Name() != "mysql" && slices.Contains(c.Update().Clauses, "RETURNING")
	m.deletesReturn = slices.Contains(c.Delete().Clauses, "RETURNING")
}

// isAsked reports whether somebody asks the rows of a model in a table before files are
// deleted.
func (m *models) isAsked(k runtime.Keeper, model reflect.Type, table string) bool {
	refs, ok := k.References().(interface {
		Has(t *runtime.Type, table string) bool
	})
	if !ok {
		return true // a function, which may
	}
	known := false
	for _, t := range k.Types() {
		if isOf(t, model) {
			known = true
			if refs.Has(t, table) {
				return true
			}
		}
	}
	return !known // the cleaner keeps what types name that it was not told of
}

// methods are the places of a model's methods, by which they are found at once.
type methods struct {
	fileSnapshot int // of a pointer to the model; -1 if it has no file fields
	logUpdate    int // of its snapshot
}

func (m *models) of(model reflect.Type) methods {
	if known, ok := m.known.Load(model); ok {
		return known.(methods)
	}
	found := methods{fileSnapshot: -1}
	if method, ok := reflect.PointerTo(model).MethodByName("FileSnapshot"); ok && method.Type.NumIn() == 1 && method.Type.NumOut() == 1 {
		is := method.Type.Out(0)
		update, ok := is.MethodByName("LogUpdate")
		if ok && is.Implements(reflect.TypeFor[snapshot]()) {
			found = methods{method.Index, update.Index}
		}
	}
	m.known.Store(model, found)
	return found
}

// hasFiles reports whether a model has file fields.
func (m *models) hasFiles(model reflect.Type) bool { return m.of(model).fileSnapshot >= 0 }

// snapshot takes the snapshot of a model with file fields that can be addressed.
func (m *models) snapshot(model reflect.Value) snapshot {
	return model.Addr().Method(m.of(model.Type()).fileSnapshot).Call(nil)[0].Interface().(snapshot)
}

// logUpdate calls the method LogUpdate of a model's snapshot, whose last argument is
// of its own type.
func (m *models) logUpdate(model reflect.Type, s snapshot, b *runtime.Batch, key runtime.Key, old snapshot) {
	reflect.ValueOf(s).Method(m.of(model).logUpdate).Call([]reflect.Value{reflect.ValueOf(b), reflect.ValueOf(key), reflect.ValueOf(old)})
}

// unique returns the columns of each unique index that gorm knows of a model.
func (m *models) unique(of *schema.Schema, names schema.Namer) ([][]string, error) {
	if known, ok := m.indexes.Load(of.ModelType); ok {
		return known.([][]string), nil
	}
	// ParseIndexes writes to the schema, which others read: one of our own.
	s, err := schema.Parse(reflect.New(of.ModelType).Interface(), &sync.Map{}, names)
	if err != nil {
		return nil, err
	}
	all := [][]string{s.PrimaryFieldDBNames}
	for _, f := range s.Fields {
		if f.Unique && f.DBName != "" {
			all = append(all, []string{f.DBName})
		}
	}
	for _, index := range s.ParseIndexes() {
		if index.Class != "UNIQUE" {
			continue
		}
		var columns []string
		for _, f := range index.Fields {
			columns = append(columns, f.DBName)
		}
		all = append(all, columns)
	}
	m.indexes.Store(of.ModelType, all)
	return all, nil
}
