package random_test

import (
	"strings"

	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

const (
	media = "media"
	cdn   = "cdn"

	blank  = "blank.png"            // a default of covers
	prefix = "https://cdn.example/" // before the names in cdn
)

// The types whose records the tables have.
var (
	album = newType("Album",
		runtime.Field{Path: "Cover", Column: "cover", Storage: media, Defaults: []string{blank}},
		runtime.Field{Path: "Banner", Column: "banner", Storage: media},
		runtime.Field{Path: "Original", Column: "original", Storage: media, Keep: true},
		runtime.Field{Path: "Pages", Column: "pages", Storage: media, Shape: runtime.List},
		runtime.Field{Path: "Photos[].File", Column: "photos", Storage: media, Shape: runtime.List},
		runtime.Field{Path: "Link", Column: "link", Storage: cdn},
	)
	item    = newType("Item", file)
	part    = newType("Part", file)
	note    = newType("Note", file)
	loan    = newType("Loan", file)
	scan    = newType("Scan", file)
	archive = newType("Archive", file)
	tree    = newType("Tree", file)

	file = runtime.Field{Path: "File", Column: "file", Storage: media}
)

func newType(name string, fields ...runtime.Field) *runtime.Type {
	return &runtime.Type{Name: "models." + name, Package: "example.com/shop/models", Fields: fields}
}

// stored says where the records are.
func stored(d references.Dialect) []references.Option {
	form := map[references.Dialect]references.Form{references.SQLite: references.JSON}[d]
	return []references.Option{
		references.Values(cdn, references.Prefix(prefix)),
		references.Table(album, "album", references.Columns{"Photos[].File": {Form: form}}),
		references.Table(item, "item"), references.Table(part, "part"), references.Table(note, "note"),
		references.Table(loan, "loan"), references.Table(scan, "scan"), references.Table(archive, "archive"),
		references.Table(tree, "tree"),
	}
}

// schema returns the statements that make the tables, and the triggers that the user has
// beside ours.
//
// An album's items, and the parts of these, go with it; its notes lose it. An item loses an
// album that gets another id, a part and a note follow. A loan names a file by the key of an
// asset, follows it and loses it, also where the asset goes with its owner. Scans have
// partitions, and rows of a tree go with their parents, where that can be. A shelf is a view
// that can be written.
func schema(d references.Dialect) []string {
	text := map[references.Dialect]string{references.MySQL: "varchar(200)"}[d]
	if text == "" {
		text = "text"
	}
	types := strings.NewReplacer(
		"NAME", text,
		"LIST", map[references.Dialect]string{references.SQLite: "text", references.PostgreSQL: "text[]", references.MySQL: "json"}[d],
		"DOCUMENT", map[references.Dialect]string{references.SQLite: "text", references.PostgreSQL: "jsonb", references.MySQL: "json"}[d],
		"ID", map[references.Dialect]string{references.SQLite: "integer PRIMARY KEY", references.PostgreSQL: "bigint PRIMARY KEY", references.MySQL: "bigint PRIMARY KEY"}[d],
		"SERIAL", map[references.Dialect]string{references.SQLite: "integer PRIMARY KEY", references.PostgreSQL: "bigserial PRIMARY KEY", references.MySQL: "bigint PRIMARY KEY AUTO_INCREMENT"}[d],
		"PARENT", map[references.Dialect]string{references.SQLite: " REFERENCES tree (id) ON DELETE CASCADE", references.PostgreSQL: " REFERENCES tree (id) ON DELETE CASCADE"}[d],
		"PARTITIONS", map[references.Dialect]string{references.PostgreSQL: " PARTITION BY RANGE (id)", references.MySQL: " PARTITION BY RANGE (id) (PARTITION scan_0 VALUES LESS THAN (10), PARTITION scan_1 VALUES LESS THAN MAXVALUE)"}[d],
	)
	all := []string{
		"CREATE TABLE album (id ID, slug integer UNIQUE, title NAME, cover NAME, banner varchar(200), original NAME, pages LIST, photos DOCUMENT, link NAME)",
		"CREATE TABLE item (id ID, album_id bigint, file NAME, FOREIGN KEY (album_id) REFERENCES album (id) ON DELETE CASCADE ON UPDATE SET NULL)",
		"CREATE TABLE part (id ID, item_id bigint, file NAME, FOREIGN KEY (item_id) REFERENCES item (id) ON DELETE CASCADE ON UPDATE CASCADE)",
		"CREATE TABLE note (id ID, album_id bigint, file NAME, FOREIGN KEY (album_id) REFERENCES album (id) ON DELETE SET NULL ON UPDATE CASCADE)",
		"CREATE TABLE owner (id ID)",
		"CREATE TABLE asset (name varchar(200) PRIMARY KEY, owner_id bigint, FOREIGN KEY (owner_id) REFERENCES owner (id) ON DELETE CASCADE)",
		"CREATE TABLE loan (id ID, file varchar(200), FOREIGN KEY (file) REFERENCES asset (name) ON DELETE SET NULL ON UPDATE CASCADE)",
		"CREATE TABLE scan (id ID, file NAME)PARTITIONS",
		"CREATE TABLE archive (id SERIAL, file NAME)",
		"CREATE TABLE tree (id ID, parent_id bigintPARENT, file NAME)",
		"CREATE TABLE kept (name NAME)",
		"CREATE VIEW shelf AS SELECT id, cover, banner FROM album",
	}
	for i, s := range all {
		all[i] = types.Replace(s)
	}
	return append(all, ownTriggers[d]...)
}

// ownTriggers are triggers of the user: they write down what the column original had, empty
// some parts, and put what some notes had into the archive.
var ownTriggers = map[references.Dialect][]string{
	references.SQLite: {
		"CREATE TRIGGER shelf_1 INSTEAD OF INSERT ON shelf BEGIN INSERT INTO album (id, cover) VALUES (NEW.id, NEW.cover); END",
		"CREATE TRIGGER shelf_2 INSTEAD OF UPDATE ON shelf BEGIN UPDATE album SET cover = NEW.cover, banner = NEW.banner WHERE id = NEW.id; END",
		"CREATE TRIGGER shelf_3 INSTEAD OF DELETE ON shelf BEGIN DELETE FROM album WHERE id = OLD.id; END",
		"CREATE TRIGGER kept_1 AFTER INSERT ON album WHEN NEW.original <> '' BEGIN INSERT INTO kept VALUES (NEW.original); END",
		"CREATE TRIGGER kept_2 AFTER UPDATE OF original ON album WHEN NEW.original <> '' BEGIN INSERT INTO kept VALUES (NEW.original); END",
		"CREATE TRIGGER empty_1 AFTER INSERT ON part WHEN NEW.file LIKE '%7%' BEGIN UPDATE part SET file = NULL WHERE id = NEW.id; END",
		"CREATE TRIGGER empty_2 AFTER UPDATE OF file ON part WHEN NEW.file LIKE '%7%' BEGIN UPDATE part SET file = NULL WHERE id = NEW.id; END",
		"CREATE TRIGGER archive_1 AFTER DELETE ON note WHEN OLD.file LIKE '%3%' BEGIN INSERT INTO archive (file) VALUES (OLD.file); END",
	},
	references.PostgreSQL: {
		"CREATE TABLE scan_0 PARTITION OF scan FOR VALUES FROM (MINVALUE) TO (10)",
		"CREATE TABLE scan_1 PARTITION OF scan DEFAULT",
		"CREATE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO kept VALUES (NEW.original); RETURN NULL; END $$",
		"CREATE TRIGGER kept AFTER INSERT OR UPDATE ON album FOR EACH ROW WHEN (NEW.original <> '') EXECUTE FUNCTION kept()",
		"CREATE FUNCTION empty() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.file := NULL; RETURN NEW; END $$",
		"CREATE TRIGGER empty BEFORE INSERT OR UPDATE ON part FOR EACH ROW WHEN (NEW.file LIKE '%7%') EXECUTE FUNCTION empty()",
		"CREATE FUNCTION archive() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO archive (file) VALUES (OLD.file); RETURN OLD; END $$",
		"CREATE TRIGGER archive BEFORE DELETE ON note FOR EACH ROW WHEN (OLD.file LIKE '%3%') EXECUTE FUNCTION archive()",
	},
	references.MySQL: {
		"CREATE TRIGGER kept_1 AFTER INSERT ON album FOR EACH ROW INSERT INTO kept SELECT NEW.original FROM DUAL WHERE NEW.original <> ''",
		"CREATE TRIGGER kept_2 AFTER UPDATE ON album FOR EACH ROW INSERT INTO kept SELECT NEW.original FROM DUAL WHERE NEW.original <> ''",
		"CREATE TRIGGER empty_1 BEFORE INSERT ON part FOR EACH ROW SET NEW.file = IF(NEW.file LIKE '%7%', NULL, NEW.file)",
		"CREATE TRIGGER empty_2 BEFORE UPDATE ON part FOR EACH ROW SET NEW.file = IF(NEW.file LIKE '%7%', NULL, NEW.file)",
		"CREATE TRIGGER archive_1 AFTER DELETE ON note FOR EACH ROW INSERT INTO archive (file) SELECT OLD.file FROM DUAL WHERE OLD.file LIKE '%3%'",
	},
}

// column is a column that names files.
type column struct {
	table, name, storage string
	json, keep           bool
}

var columns = []column{
	{table: "album", name: "cover", storage: media}, {table: "album", name: "banner", storage: media},
	{table: "album", name: "original", storage: media, keep: true},
	{table: "album", name: "pages", storage: media, json: true}, {table: "album", name: "photos", storage: media, json: true},
	{table: "album", name: "link", storage: cdn},
	{table: "item", name: "file", storage: media}, {table: "part", name: "file", storage: media},
	{table: "note", name: "file", storage: media}, {table: "loan", name: "file", storage: media},
	{table: "scan", name: "file", storage: media}, {table: "archive", name: "file", storage: media},
	{table: "tree", name: "file", storage: media},
}

// read is how a column is read as text.
func (c *column) read(d references.Dialect) string {
	switch {
	case d == references.PostgreSQL && c.name == "pages":
		return "array_to_json(pages)::text"
	case d == references.PostgreSQL:
		return c.name + "::text"
	case d == references.MySQL:
		return "CAST(" + c.name + " AS CHAR)"
	}
	return c.name
}
