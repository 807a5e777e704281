package dialect

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// TriggerVersion is the version of the triggers that this package writes.
const TriggerVersion = 1

// The longest values that the tables of an outbox take, in bytes; rows name files with
// longer names, too, and these have no row in the outbox.
const (
	MaxName    = 2048
	MaxStorage = 255
)

// A TriggerTable is a table whose rows name files, for the triggers that tell the outbox
// of it.
type TriggerTable struct {
	Name    string // with its schema
	Columns []TriggerColumn
}

// A TriggerColumn is a column that names files of a storage. A column that names files of
// several storages is there once for each.
type TriggerColumn struct {
	Source
	Storage      string
	Model, Field string   // what a row of the outbox says of a release
	Prefix       string   // what stands in front of a name; "" if the value is the name
	Keep         bool     // whether its files are never released
	Defaults     []string // names in the storage that nobody takes or releases

	// Keys are the keys of objects below which a string in a document is a name, as KeysOf
	// has them; nil if each string may be one. Relays ask for all strings nevertheless.
	Keys []string
}

// keys are those of a column with documents.
func (c *TriggerColumn) keys() []string {
	if c.Form != JSON {
		return nil
	}
	return c.Keys
}

// A TriggerWriter is what all triggers of a program have in common.
type TriggerWriter struct {
	Writer
	Program string              // which program's they are
	Ignored map[string][]string // names by storage that nobody takes or releases
}

// A TriggerObject is a trigger, or a function that triggers call.
type TriggerObject struct {
	Name   string // it has a version, the program and a hash of the text, see triggerName
	Table  string // that it is on, with its schema; "" for a function
	Event  string // what it is for: the end of its name
	Create string // the statement that makes it, of what is wanted
	Drop   string // the statement that removes it

	Disabled bool      // of what is installed
	Used     bool      // of a function that is installed: whether triggers or others use it
	Tracks   []Tracked // of what is installed, as its text says
}

// A Timing is what a trigger does its work at, and the end of its name.
const (
	onInsert   = "insert"
	onUpdate   = "update"
	onDelete   = "delete"
	onTruncate = "truncate"
)

// triggerName returns the name of a trigger or function: it has a version, which program's
// it is, and a hash of its text, so that a name says whether it is the one that is wanted,
// and is short whatever the table is called.
func triggerName(w *TriggerWriter, text, event string) string {
	return fmt.Sprintf("filecleangen_%d_%s_%s_%s", TriggerVersion, programTag(w.Program), shortHash(text, 12), event)
}

func programTag(program string) string { return shortHash(program, 6) }

func shortHash(text string, digits int) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:digits]
}

// triggerNames are the names that triggerName makes, of any version.
var triggerNames = regexp.MustCompile(`^filecleangen_[0-9]+_([0-9a-f]{6})_[0-9a-f]{12}_([a-z]+)$`)

// triggerOf returns what a trigger is for, if it is one of the program's.
func triggerOf(name, program string) (event string, is bool) {
	m := triggerNames.FindStringSubmatch(name)
	if m == nil || m[1] != programTag(program) {
		return "", false
	}
	return m[2], true
}

// storagesOf returns the storages of a table's columns, sorted.
func (t *TriggerTable) storagesOf() (storages []string) {
	for i := range t.Columns {
		storages = append(storages, t.Columns[i].Storage)
	}
	slices.Sort(storages)
	return slices.Compact(storages)
}

// check makes sure that triggers can be made for a table.
func (t *TriggerTable) check() error {
	for i := range t.Columns {
		if c := &t.Columns[i]; len(c.Storage) > MaxStorage {
			return fmt.Errorf("%s.%s: the name of storage %q has more than %d bytes", t.Name, c.Column, c.Storage, MaxStorage)
		}
	}
	return nil
}

// literal writes a text out, in databases where a backslash is nothing special in it.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// literals writes texts out, with commas between.
func literals(texts []string) string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = literal(text)
	}
	return strings.Join(all, ", ")
}

// goneText begins the errors that databases raise for a file that can't be taken.
const goneText = "filecleangen: gone:"

// goneState is the SQLSTATE of these errors, where a database lets us choose it.
const goneState = "FCGON"

// IsGone reports whether an error, or one that it wraps, was raised in a database because
// a file can't be taken. Where a driver does not tell the SQLSTATE of an error, it is known
// by its text.
func IsGone(err error) bool {
	if err == nil {
		return false
	}
	if raised(err, goneState, goneText) {
		return true
	}
	switch wrapper := err.(type) { //nolint:errorlint // the text of what is wrapped need not be in the text of the wrapper
	case interface{ Unwrap() error }:
		return IsGone(wrapper.Unwrap())
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(wrapper.Unwrap(), IsGone)
	}
	return false
}
