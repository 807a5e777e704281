package gormclean

import (
	"errors"
	"reflect"
	"sync"

	"gorm.io/gorm"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/runtime"
)

// Plugin is a plugin of gorm, for db.Use. It is safe for concurrent use.
type Plugin struct {
	box    *outbox.Outbox
	models sync.Map // reflect.Type -> bool: whether it has file fields
}

// New makes a plugin that puts what gorm's statements let go of into an outbox.
func New(box *outbox.Outbox) *Plugin { return &Plugin{box: box} }

// Name is the name by which gorm knows the plugin.
func (p *Plugin) Name() string { return "filecleangen" }

// Initialize is called by db.Use.
func (p *Plugin) Initialize(db *gorm.DB) error {
	if p.box == nil {
		return errors.New("gormclean: the outbox is nil")
	}
	c := db.Callback()
	create, update, deletes := c.Create(), c.Update(), c.Delete()
	const end = "gorm:commit_or_rollback_transaction"
	return errors.Join(
		create.Replace("gorm:create", p.around(create.Get("gorm:create"), readConflicting, readCreated)),
		update.Replace("gorm:update", p.around(update.Get("gorm:update"), readMatching, nil)),
		deletes.Replace("gorm:delete", p.around(deletes.Get("gorm:delete"), readMatching, nil)),
		create.After(end).Register("filecleangen:nudge", p.nudge),
		update.After(end).Register("filecleangen:nudge", p.nudge),
		deletes.After(end).Register("filecleangen:nudge", p.nudge),
	)
}

// record is what generated methods make of a model.
type record interface {
	FileKey() runtime.Key
}

// snapshot is what its method FileSnapshot returns.
type snapshot interface {
	LogCreate(b *runtime.Batch, key runtime.Key)
	LogDelete(b *runtime.Batch, key runtime.Key)
}

// hasFiles reports whether a model has file fields.
func (p *Plugin) hasFiles(model reflect.Type) bool {
	if known, ok := p.models.Load(model); ok {
		return known.(bool)
	}
	_, is := snapshotOf(reflect.New(model).Elem())
	p.models.Store(model, is)
	return is
}

// snapshotOf takes the snapshot of a model that can be addressed.
func snapshotOf(model reflect.Value) (snapshot, bool) {
	method := model.Addr().MethodByName("FileSnapshot")
	if !method.IsValid() || method.Type().NumIn() != 0 || method.Type().NumOut() != 1 {
		return nil, false
	}
	return reflect.TypeAssert[snapshot](method.Call(nil)[0])
}

// nudge wakes the relays of this process, when gorm has committed.
func (p *Plugin) nudge(db *gorm.DB) {
	if _, told := db.InstanceGet(told); told && db.Error == nil {
		p.box.Nudge()
	}
}

// told is the setting of a statement of which the outbox was told.
const told = "filecleangen:told"
