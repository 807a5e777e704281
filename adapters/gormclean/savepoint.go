package gormclean

import (
	"errors"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/filecleangen/filecleangen/runtime"
)

// savepoint is one of a transaction, and that of its batch.
type savepoint struct {
	name  string
	batch runtime.Savepoint
}

// aroundRaw makes the batch of a transaction follow its savepoints, which gorm sets
// by statements like others.
func (m *inMemory) aroundRaw(db *gorm.DB) error {
	c := db.Callback()
	errs := []error{c.Raw().After("gorm:raw").Register("filecleangen:savepoint", func(db *gorm.DB) {
		if t := m.of(db.Statement.ConnPool); t != nil && !db.DryRun {
			t.saw(db.Statement.SQL.String(), db.Error)
		}
	})}
	for _, p := range []interface {
		Register(name string, f func(*gorm.DB)) error
	}{c.Create().After("*"), c.Update().After("*"), c.Delete().After("*"), c.Query().After("*"), c.Row().After("*"), c.Raw().After("*")} {
		errs = append(errs, p.Register("filecleangen:watch", m.watch))
	}
	return errors.Join(errs...)
}

// saw is told of a statement that the caller wrote, or gorm for a savepoint.
func (t *transaction) saw(sql string, err error) {
	verb, name := savepointIn(sql)
	switch {
	case verb == other:
	case verb == unclear, err != nil && verb == rollbackTo:
		t.loseTrack()
	case err != nil:
	case verb == set:
		t.points = append(t.points, savepoint{name, t.batch.Savepoint()})
	default:
		t.leave(verb, name)
	}
}

// leave rolls back to the last savepoint of a name, or releases it.
func (t *transaction) leave(verb verb, name string) {
	for i, p := range slices.Backward(t.points) {
		if p.name != name {
			continue
		}
		if verb == release {
			t.points = t.points[:i]
			return
		}
		t.points = t.points[:i+1]
		if t.batch.RollbackTo(p.batch) == nil {
			return
		}
		break
	}
	t.loseTrack()
}

// loseTrack makes the batch keep every file.
func (t *transaction) loseTrack() { _ = t.batch.RollbackTo(runtime.Savepoint{}) }

// verb is what a statement does to savepoints.
type verb uint8

const (
	other      verb = iota // nothing
	set                    // SAVEPOINT name
	rollbackTo             // ROLLBACK TO name
	release                // RELEASE name
	unclear                // it ends the transaction, or nobody knows
)

// savepointIn says what a statement does to savepoints, and to which. Names that
// databases may spell in several ways are unclear, and so is all that may end the
// transaction.
func savepointIn(sql string) (does verb, name string) {
	words := strings.Fields(strings.ToUpper(strings.TrimRight(sql, "; \t\r\n")))
	if len(words) == 0 {
		return other, ""
	}
	skip := func(word string) {
		if len(words) > 0 && words[0] == word {
			words = words[1:]
		}
	}
	first := words[0]
	words = words[1:]
	switch first {
	case "SAVEPOINT":
		does = set
	case "RELEASE":
		does = release
		skip("SAVEPOINT")
	case "ROLLBACK":
		skip("WORK")
		skip("TRANSACTION")
		if len(words) == 0 || words[0] != "TO" {
			return unclear, ""
		}
		does = rollbackTo
		skip("TO")
		skip("SAVEPOINT")
	case "COMMIT", "END", "ABORT", "BEGIN", "START":
		return unclear, ""
	default:
		for _, word := range []string{"SAVEPOINT", "ROLLBACK", "COMMIT"} { // behind a comment, or another statement
			if strings.Contains(strings.ToUpper(sql), word) {
				return unclear, ""
			}
		}
		return other, ""
	}
	if len(words) != 1 || strings.Trim(words[0], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
		return unclear, ""
	}
	return does, words[0]
}
