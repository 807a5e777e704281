package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/outbox/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// columnTypes are types of columns, by how the field Names is told to be stored
// in them: with what they hold, and which of the names "a", "b" the relay must see
// in it; or with the error of the relay.
var columnTypes = map[references.Dialect][]struct {
	field  string
	typ    string
	form   references.Form
	value  any
	sees   string
	failed string
}{
	references.SQLite: {
		{"One", "text", references.Auto, "a", "a", ""},
		{"One", "text COLLATE NOCASE", references.Auto, "A", "", ""},
		{"One", "text", references.JSON, `{"x": ["a"]}`, "a", ""},
		{"Many", "text", references.Auto, `["a", {"b": 1}]`, "a", ""},
		{"Many", "text", references.Auto, `[["a", "b"]]`, "a b", ""},
		{"Many", "text", references.Auto, "", "", ""},
		{"Many", "text", references.Text, "b", "b", ""},
		{"Many", "text", references.Auto, "a,c", "a", ""},
		{"Many", "text", references.Array, nil, "", "can't be an array in SQLite"},
	},
	references.PostgreSQL: {
		{"One", "text", references.Auto, "a", "a", ""},
		{"One", "char(10)", references.Auto, "a", "a", ""},
		{"One", "varchar(9)", references.Auto, "b", "b", ""},
		{"One", "json", references.Auto, `"b"`, "b", ""},
		{"One", "integer", references.Auto, nil, "", "type int4 can't be read; see references.Func"},
		{"One", "text", references.Array, nil, "", "the column is of type text"},
		{"Many", "text[]", references.Auto, `{a,c}`, "a", ""},
		{"Many", "text[][]", references.Auto, `{{a,c},{b,d}}`, "a b", ""},
		{"Many", "varchar(10)[]", references.Auto, `{b}`, "b", ""},
		{"Many", "json", references.Auto, `{"x": ["a", null, {"y": "b"}]}`, "a b", ""},
		{"Many", "jsonb", references.JSON, `["b"]`, "b", ""},
		{"Many", "jsonb", references.Auto, nil, "", ""},
		{"Many", "text", references.JSON, `["b"]`, "b", ""},
		{"Many", "text", references.JSON, ``, "", ""},
		{"Many", "text", references.Auto, nil, "", "say references.JSON in references.Table if it holds JSON"},
		{"Many", "text", references.JSON, "a,c", "a", ""},
		{"Many", "bytea", references.Auto, nil, "", "say references.JSON in references.Table if it holds JSON"},
	},
	references.MySQL: {
		{"One", "varchar(20)", references.Auto, "a", "a", ""},
		{"One", "varchar(20) CHARACTER SET latin1", references.Auto, "a", "a", ""},
		{"One", "varchar(20)", references.Auto, "A", "", ""},
		{"One", "varbinary(20)", references.Auto, "b", "b", ""},
		{"One", "json", references.JSON, `"b"`, "b", ""},
		{"Many", "json", references.Auto, `["a", {"b": 1}]`, "a", ""},
		{"Many", "json", references.Auto, `{"x": {"y": [["a"], "b"]}}`, "a b", ""},
		{"Many", "text", references.Auto, `["b"]`, "b", ""},
		{"Many", "text", references.Auto, ``, "", ""},
		{"Many", "text", references.Auto, "a,c", "a", ""},
		{"Many", "json", references.Array, nil, "", "can't be an array in MySQL"},
	},
}

func TestColumnTypes(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		for i, c := range columnTypes[d] {
			t.Run(fmt.Sprintf("%d %s %s", i, c.field, c.typ), func(t *testing.T) {
				w := newWorld(t, d, settings{})
				w.exec("CREATE TABLE thing (id integer PRIMARY KEY, c " + c.typ + ")")
				if c.value != nil {
					_, err := w.db.ExecContext(t.Context(), w.q("INSERT INTO thing (id, c) VALUES (1, ?)"), c.value)
					w.must(err)
				}
				w.exec("INSERT INTO thing (id) VALUES (2)")
				err := w.boxOf([]*runtime.Type{models.ThingFileType},
					references.Table(models.ThingFileType, "thing", references.Columns{
						"One":  {Name: "c", Form: only(c.field == "One", c.form)},
						"Many": {Name: "c", Form: only(c.field == "Many", c.form)},
						"Doc":  {Form: references.Elsewhere},
					}),
					references.Func("media", func(context.Context, references.Queryer, string, []string) ([]string, error) { return nil, nil }))
				if c.failed != "" {
					if err == nil || !strings.Contains(err.Error(), c.failed) {
						t.Errorf("%v", err)
					}
					return
				}
				w.must(err)
				w.write("a", "b")
				w.exec("INSERT INTO filecleangen_outbox (storage, name) VALUES ('media', 'a'), ('media', 'b')")
				w.drain()
				w.want(c.sees)
			})
		}
	})
}

// only is a form for the field that a case is about.
func only(it bool, form references.Form) references.Form {
	if it {
		return form
	}
	return references.Elsewhere
}

// cleanerOf makes a cleaner that knows only these types, and asks nobody itself.
func (w *world) cleanerOf(types ...*runtime.Type) *runtime.Cleaner {
	w.t.Helper()
	c, err := runtime.New(runtime.WithStorage("media", w.dir), runtime.WithTypes(types...), runtime.Unchecked(), runtime.WithLogger(w.logs.Logger()))
	w.must(err)
	return c
}

// boxOf makes the outbox of a new cleaner that knows only these types, and its relay.
func (w *world) boxOf(types []*runtime.Type, options ...references.Option) (err error) {
	if w.refs, err = w.references(options...); err != nil {
		return err
	}
	w.clean, err = runtime.New(runtime.WithStorage("media", w.dir), runtime.WithTypes(types...), runtime.WithReferences(w.refs), runtime.WithLogger(w.logs.Logger()))
	if err != nil {
		return err
	}
	if w.box, err = outbox.New(w.t.Context(), w.clean, w.refs); err != nil {
		return err
	}
	w.relay, err = w.box.Relay(w.t.Context(), environment, outbox.WithRelayLogger(w.logs.Logger()), outbox.WithAttempts(5, 0, 0))
	return err
}

// doubtful is a type of which the generator could not tell whether its names are
// in the row.
var doubtful = &runtime.Type{Name: "models.Doubtful", Fields: []runtime.Field{{Path: "File", Storage: "media", Column: "file", Guessed: true, HoldOnly: true}}}

// What is missing or contradictory is an error before anything is deleted.
func TestStoredErrors(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d, settings{})
		for text, options := range map[string][]references.Option{
			"nobody said where records of models.Scan are stored": {
				references.Table(models.AlbumFileType, "album", references.Columns{"Photos[].File": {Name: "photos"}}), references.NotStored(models.PhotoFileType, models.ThingFileType),
			},
			"no field of a type that has a table leads to its One": stored(),
			"its name was guessed":                                 append(stored(), references.Table(models.ThingFileType, "scan", references.Columns{"Many": {Name: "file"}, "Doc": {Name: "file", Form: references.Text}})),
			"whether it is stored":                                 append(stored(), references.Table(doubtful, "scan")),
			"no file field Cuvver":                                 append(stored(), references.Table(models.ScanFileType, "scan", references.Columns{"Cuvver": {Name: "file"}})),
			"its method FileNames":                                 append(stored(), references.Table(models.ThingFileType, "thing")),
			"nobody reads its column":                              append(stored(), references.Table(models.ScanFileType, "scan", references.Columns{"File": {Form: references.Elsewhere}})),
			"needs a type and the name":                            append(stored(), references.Table(nil, "scan")),
			"given to Func is nil":                                 append(stored(), references.Func("media", nil)),
			`Values("media") needs a map`:                          append(stored(), references.Values("media", references.Mapping{})),
			"the name of a program has":                            append(stored(), references.Program("")),
			"an option is nil":                                     append(stored(), nil),
			"scan.fyle":                                            append(stored(), references.Table(models.ScanFileType, "scan", references.Columns{"File": {Name: "fyle"}})),
			"skan.file":                                            append(stored(), references.Table(models.ScanFileType, "skan")),
		} {
			if err := w.boxOf(models.FileTypes(), options...); err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%q: %v", text, err)
			}
		}
		some, err := w.references(references.Table(models.ScanFileType, "scan"))
		w.must(err)
		if _, err := outbox.New(t.Context(), w.cleanerOf(models.FileTypes()...), some); err == nil || !strings.Contains(err.Error(), "nobody said where records of models.Album are stored") {
			t.Errorf("%v", err)
		}
		refs, err := w.references(stored()...)
		w.must(err)
		for text, option := range map[string]outbox.Option{"WithGrace(-1ns)": outbox.WithGrace(-1), "WithUploadTime(0s)": outbox.WithUploadTime(0), "an option is nil": nil} {
			if _, err := outbox.New(t.Context(), w.cleanerOf(models.FileTypes()...), refs, option); err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}

// Names that another database, or a column that can't be read, has.
func TestReferences(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		var failure error
		ask := func(_ context.Context, _ references.Queryer, storage string, names []string) ([]string, error) {
			if slices.Equal(names, []string{"filecleangen asks"}) { // whether it can
				return nil, failure
			}
			if storage != "media" || !slices.Contains(names, "a") && !slices.Contains(names, "b") {
				t.Errorf("asked for %s, %v", storage, names)
			}
			return []string{"b"}, failure
		}
		w := letGo(t, d, settings{refs: []references.Option{references.Func("media", ask)}}, "a", "b")
		failure = errors.New("no connection")
		if _, err := w.relay.Drain(t.Context()); !errors.Is(err, failure) {
			t.Errorf("%v", err)
		}
		w.want("a b")
		failure = nil
		if done := w.drain(); done.Removed != 1 || done.Named != 1 {
			t.Errorf("%+v", done)
		}
		w.want("b")
	})
}

// Columns that hold URLs.
func TestValues(t *testing.T) {
	const cdn = "https://cdn.example.com/"
	mapping := references.Prefix(cdn)
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		with := settings{
			storage: []runtime.StorageOption{runtime.Names(mapping.Name)},
			refs:    []references.Option{references.Values("media", mapping)},
		}
		w := newWorld(t, d, with)
		w.write("a", "b", "c", "d")
		a := &models.Album{ID: 1, Cover: cdn + "a", Pages: []string{cdn + "b", cdn + "c?v=2#top"}, Photos: []models.Photo{{File: cdn + "d"}}}
		w.commit(func(tx *transaction) { tx.insert(a) })
		w.exec("INSERT INTO filecleangen_outbox (storage, name) VALUES ('media', 'a'), ('media', 'b'), ('media', 'c'), ('media', 'd')")
		if done := w.drain(); done.Named != 4 {
			t.Errorf("%+v", done)
		}
		w.commit(func(tx *transaction) { tx.remove(a) })
		w.drain()
		w.want("")

		c, err := runtime.New(runtime.WithStorage("media", afero.NewMemMapFs(), with.storage...), runtime.WithTypes(models.FileTypes()...), runtime.Unchecked())
		w.must(err)
		refs, err := w.references(stored()...)
		w.must(err)
		if _, err := outbox.New(t.Context(), c, refs); err == nil || !strings.Contains(err.Error(), "add references.Values") {
			t.Errorf("%v", err)
		}
	})
}
