package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/outbox/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/runtime"
)

// columnTypes are types of columns, by how the field Names is told to be stored
// in them: with what they hold, and which of the names "a", "b" the relay must see
// in it; or with the error of the relay.
var columnTypes = map[outbox.Dialect][]struct {
	field  string
	typ    string
	form   outbox.Form
	value  any
	sees   string
	failed string
}{
	outbox.SQLite: {
		{"One", "text", outbox.Auto, "a", "a", ""},
		{"One", "text COLLATE NOCASE", outbox.Auto, "A", "", ""},
		{"One", "text", outbox.JSON, `{"x": ["a"]}`, "a", ""},
		{"Many", "text", outbox.Auto, `["a", {"b": 1}]`, "a", ""},
		{"Many", "text", outbox.Auto, `[["a", "b"]]`, "a b", ""},
		{"Many", "text", outbox.Auto, "", "", ""},
		{"Many", "text", outbox.Text, "b", "b", ""},
		{"Many", "text", outbox.Auto, "a,c", "a", ""},
		{"Many", "text", outbox.Array, nil, "", "can't be an array in SQLite"},
	},
	outbox.PostgreSQL: {
		{"One", "text", outbox.Auto, "a", "a", ""},
		{"One", "char(10)", outbox.Auto, "a", "a", ""},
		{"One", "varchar(9)", outbox.Auto, "b", "b", ""},
		{"One", "json", outbox.Auto, `"b"`, "b", ""},
		{"One", "integer", outbox.Auto, nil, "", "type int4 can't be read; see outbox.WithReferences"},
		{"One", "text", outbox.Array, nil, "", "the column is of type text"},
		{"Many", "text[]", outbox.Auto, `{a,c}`, "a", ""},
		{"Many", "text[][]", outbox.Auto, `{{a,c},{b,d}}`, "a b", ""},
		{"Many", "varchar(10)[]", outbox.Auto, `{b}`, "b", ""},
		{"Many", "json", outbox.Auto, `{"x": ["a", null, {"y": "b"}]}`, "a b", ""},
		{"Many", "jsonb", outbox.JSON, `["b"]`, "b", ""},
		{"Many", "jsonb", outbox.Auto, nil, "", ""},
		{"Many", "text", outbox.JSON, `["b"]`, "b", ""},
		{"Many", "text", outbox.JSON, ``, "", ""},
		{"Many", "text", outbox.Auto, nil, "", "say outbox.JSON in outbox.Stored if it holds JSON"},
		{"Many", "text", outbox.JSON, "a,c", "a", ""},
		{"Many", "bytea", outbox.Auto, nil, "", "say outbox.JSON in outbox.Stored if it holds JSON"},
	},
	outbox.MySQL: {
		{"One", "varchar(20)", outbox.Auto, "a", "a", ""},
		{"One", "varchar(20) CHARACTER SET latin1", outbox.Auto, "a", "a", ""},
		{"One", "varchar(20)", outbox.Auto, "A", "", ""},
		{"One", "varbinary(20)", outbox.Auto, "b", "b", ""},
		{"One", "json", outbox.JSON, `"b"`, "b", ""},
		{"Many", "json", outbox.Auto, `["a", {"b": 1}]`, "a", ""},
		{"Many", "json", outbox.Auto, `{"x": {"y": [["a"], "b"]}}`, "a b", ""},
		{"Many", "text", outbox.Auto, `["b"]`, "b", ""},
		{"Many", "text", outbox.Auto, ``, "", ""},
		{"Many", "text", outbox.Auto, "a,c", "a", ""},
		{"Many", "json", outbox.Array, nil, "", "can't be an array in MySQL"},
	},
}

func TestColumnTypes(t *testing.T) {
	databases.Each(t, func(t *testing.T, d outbox.Dialect) {
		for i, c := range columnTypes[d] {
			t.Run(fmt.Sprintf("%d %s %s", i, c.field, c.typ), func(t *testing.T) {
				w := newWorld(t, d, settings{})
				w.exec("CREATE TABLE thing (id integer PRIMARY KEY, c " + c.typ + ")")
				if c.value != nil {
					_, err := w.db.ExecContext(t.Context(), w.q("INSERT INTO thing (id, c) VALUES (1, ?)"), c.value)
					w.must(err)
				}
				w.exec("INSERT INTO thing (id) VALUES (2)")
				w.clean = w.cleanerOf(models.ThingFileType)
				err := w.boxOf(
					outbox.Stored(models.ThingFileType, "thing", outbox.Columns{
						"One":  {Name: "c", Form: only(c.field == "One", c.form)},
						"Many": {Name: "c", Form: only(c.field == "Many", c.form)},
						"Doc":  {Form: outbox.Elsewhere},
					}),
					outbox.WithReferences(func(context.Context, outbox.Queryer, string, []string) ([]string, error) { return nil, nil }))
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
func only(it bool, form outbox.Form) outbox.Form {
	if it {
		return form
	}
	return outbox.Elsewhere
}

// cleanerOf makes a cleaner that knows only these types.
func (w *world) cleanerOf(types ...*runtime.Type) *runtime.Cleaner {
	w.t.Helper()
	c, err := runtime.New(runtime.WithStorage("media", w.dir), runtime.WithTypes(types...))
	w.must(err)
	return c
}

// boxOf makes the outbox of a new cleaner, and its relay.
func (w *world) boxOf(options ...outbox.Option) (err error) {
	if w.box, err = outbox.New(w.clean, w.db, w.d, options...); err != nil {
		return err
	}
	w.relay, err = w.box.Relay(w.t.Context(), environment, outbox.WithRelayLogger(slog.New(slog.NewTextHandler(w.logs, nil))))
	return err
}

// doubtful is a type of which the generator could not tell whether its names are
// in the row.
var doubtful = &runtime.Type{Name: "models.Doubtful", Fields: []runtime.Field{{Path: "File", Storage: "media", Column: "file", Guessed: true, HoldOnly: true}}}

// What is missing or contradictory is an error before anything is deleted.
func TestStoredErrors(t *testing.T) {
	databases.Each(t, func(t *testing.T, d outbox.Dialect) {
		w := newWorld(t, d, settings{})
		for text, options := range map[string][]outbox.Option{
			"nobody said where records of models.Scan are stored": {
				outbox.Stored(models.AlbumFileType, "album", outbox.Columns{"Photos[].File": {Name: "photos"}}), outbox.NotStored(models.PhotoFileType, models.ThingFileType),
			},
			"its name was guessed":          append(stored(), outbox.Stored(models.ThingFileType, "scan", outbox.Columns{"Many": {Name: "file"}, "Doc": {Name: "file", Form: outbox.Text}})),
			"whether it is stored":          append(stored(), outbox.Stored(doubtful, "scan", nil)),
			"no file field Cuvver":          append(stored(), outbox.Stored(models.ScanFileType, "scan", outbox.Columns{"Cuvver": {Name: "file"}})),
			"its method FileNames":          append(stored(), outbox.Stored(models.ThingFileType, "thing", nil)),
			"nobody reads its column":       append(stored(), outbox.Stored(models.ScanFileType, "scan", outbox.Columns{"File": {Form: outbox.Elsewhere}})),
			"needs a type and a table":      append(stored(), outbox.Stored(nil, "scan", nil)),
			"WithGrace(-1ns)":               append(stored(), outbox.WithGrace(-1)),
			"WithUploadTime(0s)":            append(stored(), outbox.WithUploadTime(0)),
			"WithReferences is nil":         append(stored(), outbox.WithReferences(nil)),
			`WithValues("media") needs one`: append(stored(), outbox.WithValues("media", nil)),
			"an option is nil":              append(stored(), nil),
			"scan.fyle":                     append(stored(), outbox.Stored(models.ScanFileType, "scan", outbox.Columns{"File": {Name: "fyle"}})),
			"skan.file":                     append(stored(), outbox.Stored(models.ScanFileType, "skan", nil)),
		} {
			w.clean = w.cleanerOf(models.FileTypes()...)
			if err := w.boxOf(options...); err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}

// Names that another database, or a column that can't be read, has.
func TestReferences(t *testing.T) {
	databases.Each(t, func(t *testing.T, d outbox.Dialect) {
		var failure error
		ask := func(_ context.Context, _ outbox.Queryer, storage string, names []string) ([]string, error) {
			if storage != "media" || !slices.Contains(names, "a") && !slices.Contains(names, "b") {
				t.Errorf("asked for %s, %v", storage, names)
			}
			return []string{"b"}, failure
		}
		w := letGo(t, d, settings{box: []outbox.Option{outbox.WithReferences(ask)}}, "a", "b")
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
	databases.Each(t, func(t *testing.T, d outbox.Dialect) {
		with := settings{
			storage: []runtime.StorageOption{runtime.Names(func(url string) string { return strings.TrimPrefix(url, cdn) })},
			box:     []outbox.Option{outbox.WithValues("media", func(name string) []string { return []string{cdn + name} })},
		}
		w := newWorld(t, d, with)
		w.write("a", "b", "c", "d")
		a := &models.Album{ID: 1, Cover: cdn + "a", Pages: []string{cdn + "b", "c"}, Photos: []models.Photo{{File: cdn + "d"}}}
		w.commit(func(tx *transaction) { tx.insert(a) })
		w.exec("INSERT INTO filecleangen_outbox (storage, name) VALUES ('media', 'a'), ('media', 'b'), ('media', 'c'), ('media', 'd')")
		if done := w.drain(); done.Named != 4 {
			t.Errorf("%+v", done)
		}
		w.commit(func(tx *transaction) { tx.remove(a) })
		w.drain()
		w.want("")

		c, err := runtime.New(runtime.WithStorage("media", afero.NewMemMapFs(), with.storage...), runtime.WithTypes(models.FileTypes()...))
		w.must(err)
		if _, err := outbox.New(c, w.db, d, stored()...); err == nil || !strings.Contains(err.Error(), "add outbox.WithValues") {
			t.Errorf("%v", err)
		}
	})
}
