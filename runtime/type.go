package runtime

import "strings"

// A Type describes the file fields of one record type. The generator writes
// one for each struct that it finds; [WithTypes] tells a cleaner about them.
// A Type is compared by its address and must not be changed.
type Type struct {
	Name    string  // as %T prints it: "models.Article"
	Package string  // the import path of its package, which tells apart what has one name: "example.com/shop/models"
	Fields  []Field // in the order of their declaration
}

// ID is what other programs know the type by: the import path of its package and
// its name, "example.com/shop/models.Article"; its Name where it has no path.
func (t *Type) ID() string {
	_, name, found := strings.Cut(t.Name, ".")
	if t.Package == "" || !found {
		return t.Name
	}
	return t.Package + "." + name
}

// A Field describes one file field of a [Type]: everything that adapters,
// triggers and the sweep need to know of it, so that nothing has to parse Go
// again.
type Field struct {
	Path     string   // the Go selector from the record, with [] for each list or map on the way: "Cover", "Photos[].Thumb"
	Column   string   // of the database: the one that its value is in, or that of the struct or document that it is a part of
	Guessed  bool     // whether no tag names the column: it is the field's name as layers write it, and may be called otherwise
	JSONKey  string   // of a document: the key of an object under which its names stand, as encoding/json writes it; "" if that is not known, or there is none
	HoldOnly bool     // whether nothing tells that its names are stored in the row: they are held, and never released
	Storage  string   // the storage that its names are in
	Shape    Shape    // one name or many
	Defaults []string // names in that storage that are never deleted
	Derived  []string // templates of the names of files that go with the file; see [storage.CheckTemplate]
	Prune    bool     // whether directories that became empty go with the file
	Keep     bool     // whether its files are never deleted
	Opaque   bool     // whether only the method FileNames of its value knows the names
}

// A Shape says how many names a file field holds.
type Shape uint8

// How many names a file field holds.
const (
	Single Shape = iota // at most one name
	List                // any number of names
)

// String returns "single" or "list".
func (s Shape) String() string {
	if s == List {
		return "list"
	}
	return "single"
}
