package gormclean

import (
	"errors"
	"slices"
	"strings"
	"unicode"

	"gorm.io/gorm"

	"github.com/filecleangen/filecleangen/runtime"
)

// savepoint is one of a transaction, and that of its batch.
type savepoint struct {
	name  string
	batch runtime.Savepoint
}

// follow makes the batch of a transaction follow its savepoints, which gorm sets by
// statements like others, and learn of errors.
func (m *inMemory) follow(db *gorm.DB) error {
	c := db.Callback()
	var errs []error
	for _, p := range []interface {
		Register(name string, f func(*gorm.DB)) error
	}{c.Create().After("*"), c.Update().After("*"), c.Delete().After("*"), c.Query().After("*"), c.Row().After("*"), c.Raw().After("*")} {
		errs = append(errs, p.Register("filecleangen:follow", func(db *gorm.DB) {
			if t := m.of(db.Statement.ConnPool); t != nil && !db.DryRun {
				t.saw(db.Statement.SQL.String(), db.Name(), db.Error)
			}
			m.watch(db)
		}))
	}
	return errors.Join(errs...)
}

// saw is told of a statement that the caller wrote, or gorm.
func (t *transaction) saw(sql, dialect string, err error) {
	verb, name := savepointIn(sql, dialect)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case verb == other:
	case verb == unclear, err != nil && verb == rollbackTo:
		t.lose()
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
	t.lose()
}

// loseTrack notes that the batch does not say what the transaction did: the rows say it,
// or every file is kept where they are not asked; and what became of the transaction is
// unknown unless a commit says so.
func (t *transaction) loseTrack() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lose()
}

func (t *transaction) lose() {
	t.lost = true
	_ = t.batch.RollbackTo(runtime.Savepoint{})
}

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
func savepointIn(sql, dialect string) (does verb, name string) {
	sql = strings.Trim(sql, "; \t\r\n")
	end := strings.IndexAny(sql, " \t\r\n")
	if end < 0 {
		end = len(sql)
	}
	var words []string
	skip := func(word string) {
		if len(words) > 0 && words[0] == word {
			words = words[1:]
		}
	}
	first := strings.ToUpper(sql[:end])
	switch first {
	case "", "SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "REPLACE":
		if !strings.Contains(sql, ";") { // one statement, which is none of those
			return other, ""
		}
		return inSeveral(sql), ""
	}
	words = strings.Fields(strings.ToUpper(sql[end:]))
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
	default:
		commits := slices.Contains(committing, first) || first == "SET" && slices.Contains(words, "AUTOCOMMIT")
		if slices.Contains(ending, first) || dialect == "mysql" && commits {
			return unclear, ""
		}
		return inSeveral(sql), ""
	}
	if len(words) != 1 || strings.Trim(words[0], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
		return unclear, ""
	}
	return does, words[0]
}

var (
	// ending are the first words of statements that end a transaction, or begin one.
	ending = []string{"COMMIT", "END", "ABORT", "BEGIN", "START", "PREPARE"}
	// committing are those of statements before which MySQL commits.
	committing = []string{"CREATE", "ALTER", "DROP", "TRUNCATE", "RENAME", "LOCK", "UNLOCK", "GRANT", "REVOKE", "ANALYZE", "OPTIMIZE", "REPAIR", "CACHE", "FLUSH", "RESET", "INSTALL", "UNINSTALL", "LOAD", "XA", "CALL"}
)

// inSeveral says what statements behind a comment, or behind another, may do.
func inSeveral(sql string) verb {
	for _, word := range strings.FieldsFunc(strings.ToUpper(sql), func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if word == "SAVEPOINT" || word == "ROLLBACK" || word == "RELEASE" || slices.Contains(ending, word) {
			return unclear
		}
	}
	return other
}
