package gormclean_test

import (
	"testing"

	"gorm.io/gorm"

	"github.com/filecleangen/filecleangen/adapters/gormclean"
	"github.com/filecleangen/filecleangen/conformance/gormclean/models"
	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// TestMemoryLostAndRefused: a batch ends also where nobody can tell what its transaction
// has committed, and it names an upload that is not complete.
func TestMemoryLostAndRefused(t *testing.T) {
	databases.On(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, inMemory, gorm.Config{})
		cleaner := w.keeper.(*runtime.Cleaner)
		up, err := cleaner.Create(t.Context(), "media", "n")
		w.must(err)
		err = gormclean.Transaction(w.db, func(tx *gorm.DB) error {
			w.must(tx.Create(&models.Album{Cover: up.Name()}).Error)
			_ = tx.Exec("ROLLBACK TO never").Error
			return errNo
		})
		t.Log(err)
		up.Discard()
		if n := cleaner.Stats().Open; n != 0 {
			t.Errorf("%d batches are open for ever", n)
		}
	}, references.SQLite)
}
