package suite

import (
	"context"
	"errors"
	"fmt"

	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// An Adapter is what is tested, and how.
type Adapter struct {
	// Open makes the layer for a world, which is new: with [World.NewCleaner], and
	// [World.NewOutbox] unless the layer keeps its promises in memory.
	Open func(w *World) Layer

	// Dialects are the databases that the layer can use; all if it is nil.
	Dialects []references.Dialect

	// Cannot says what the layer is not able to do, and why: the stories that need
	// it are skipped. The methods of [Tx] that belong to it are not called.
	Cannot map[Ability]string
}

// An Ability is something that not every layer has.
type Ability string

// What a layer may not be able to do.
const (
	BulkStatements Ability = "bulk statements" // UpdateWhere, DeleteWhere
	Upserts        Ability = "upserts"         // Upsert
	Savepoints     Ability = "savepoints"      // InSavepoint
	SecondTypes    Ability = "second types"    // SaveShort, DeleteShort
)

// A Layer is a persistence layer with its adapter, as applications use it. It is
// safe for concurrent use.
type Layer interface {
	// InTx creates files for a transaction, under names near those that are wanted,
	// and runs f in it, with the names that the files got. If f returns nil the
	// transaction is committed; if it returns an error, which InTx then returns, or
	// panics, it is rolled back. Afterwards the files are discarded: those go that no
	// row has come to name. See [Upload].
	InTx(ctx context.Context, uploads []string, f func(tx Tx, names []string) error) error
}

// A Tx is a transaction. Where nothing else is said a write that finds no row is no
// error. Columns are those of package models.
type Tx interface {
	// Load reads the article with a key, and locks its row where the database can. If
	// there is none the error is [sql.ErrNoRows].
	Load(id int64) (*models.Article, error)

	// Insert writes a new row.
	Insert(a *models.Article) error

	// Save writes all of an article over the row that has its key.
	Save(a *models.Article) error

	// SaveIf is Save if the row has a title; else it writes nothing.
	SaveIf(title string, a *models.Article) error

	// Update writes some columns of an article into the row that has its key. Its other
	// fields may be anything.
	Update(a *models.Article, columns ...string) error

	// UpdateWhere writes some columns of an article into all rows that have a title, by
	// one statement.
	UpdateWhere(title string, a *models.Article, columns ...string) error

	// Upsert writes a new row, or all columns over the one that has its key, by one
	// statement.
	Upsert(a *models.Article) error

	// Delete deletes the row that has the key of an article. Its other fields may be
	// anything.
	Delete(a *models.Article) error

	// DeleteWhere deletes all rows that have a title, by one statement.
	DeleteWhere(title string) error

	// DeleteWithParts deletes an article and its parts.
	DeleteWithParts(id int64) error

	// SaveShort is Save for another type, which does not know of all columns.
	SaveShort(s *models.Short) error

	// DeleteShort is Delete for another type, which does not know of all columns.
	DeleteShort(s *models.Short) error

	// InSavepoint runs f in a savepoint, to which the transaction is rolled back if f
	// returns an error, which InSavepoint then returns, or panics. It may be nested.
	InSavepoint(f func() error) error
}

// Upload creates files by a keeper, before the transaction begins, and returns the
// names that they got. discard is to be called when the transaction is over, also after
// an error.
func Upload(ctx context.Context, keeper runtime.Keeper, wanted []string) (names []string, discard func(), err error) {
	var all []*runtime.Upload
	discard = func() {
		for _, up := range all {
			up.Discard()
		}
	}
	for _, name := range wanted {
		up, err := keeper.Create(ctx, Storage, name)
		if err != nil {
			return nil, discard, err
		}
		all, names = append(all, up), append(names, up.Name())
		if _, err := up.Write([]byte(name)); err != nil {
			return nil, discard, err
		}
		if err := up.Close(); err != nil {
			return nil, discard, err
		}
	}
	return names, discard, nil
}

// SavepointsBy returns an InSavepoint for layers without savepoints, whose users run the
// statements for them.
func SavepointsBy(exec func(statement string) error) func(f func() error) error {
	depth := 0
	return func(f func() error) (err error) {
		depth++
		defer func() { depth-- }()
		name := fmt.Sprint("SAVEPOINT s", depth) // MySQL forgets one of the same name
		if err := exec(name); err != nil {
			return err
		}
		released := false
		defer func() {
			if !released {
				err = errors.Join(err, exec("ROLLBACK TO "+name))
			}
			err = errors.Join(err, exec("RELEASE "+name))
		}()
		err = f()
		released = err == nil
		return err
	}
}
