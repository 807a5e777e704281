package random_test

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/filecleangen/filecleangen/references"
)

// statement changes rows: a query, or what is more than one.
type statement struct {
	query string
	args  []any
	run   func(ctx context.Context, s *session) error
}

func sqlOf(query string, args ...any) statement { return statement{query: query, args: args} }

// statement returns one.
func (p *player) statement(s *session) statement {
	common := []func() statement{
		p.insert, p.insert, p.insertMany, p.update, p.update, p.update, p.updateWhere, p.updateTitle, p.swap, p.updateCase,
		p.copy, p.copyRow, p.copyAcross, p.renumber, p.remove, p.removeWhere, p.upsert, p.upsert, p.upsertOther,
		p.insertItem, p.insertItem, p.moveItem, p.updateItems, p.removeItems, p.renumberItem, p.empty,
		p.insertPart, p.insertPart, p.updateParts, p.insertNote, p.insertNote, p.updateNotes, p.removeNotes,
		p.insertOwner, p.insertAsset, p.insertAsset, p.insertLoan, p.insertLoan, p.renameAsset, p.removeAsset, p.removeOwner, p.removeLoans,
		p.insertScans, p.insertScans, p.moveScan, p.updateScans, p.removeScans, p.removeArchive,
		p.insertTree, p.insertTree, p.removeTree, p.shelf,
	}
	all := slices.Concat(common, map[references.Dialect]func(*session) []func() statement{
		references.SQLite: p.sqliteOwn, references.PostgreSQL: p.postgresOwn, references.MySQL: p.mysqlOwn,
	}[p.w.d](s))
	return all[p.rand.IntN(len(all))]()
}

func (p *player) id() int { return 1 + p.rand.IntN(6) }

// other is the id of a row of another table than album.
func (p *player) other() int { return p.rand.IntN(20) }

// slug is a second key of an album, or none.
func (p *player) slug() any {
	if p.one(2) {
		return nil
	}
	return p.id()
}

// take returns the name of an upload that no row has; now and then one that the player has
// had before, which may be gone; or none.
func (p *player) take(storage string) any {
	fresh, mind := p.fresh[storage], p.mind[storage]
	switch {
	case len(mind) > 0 && p.one(8):
		return mind[p.rand.IntN(len(mind))]
	case len(fresh) == 0 || p.one(6):
		return []any{nil, ""}[p.rand.IntN(2)]
	}
	name := fresh[p.rand.IntN(len(fresh))]
	if !p.one(4) { // or it is named twice
		p.fresh[storage] = slices.DeleteFunc(fresh, func(n string) bool { return n == name })
	}
	if mind = append(mind, name); len(mind) > 20 {
		mind = mind[1:]
	}
	p.mind[storage] = mind
	return name
}

func (p *player) name() any { return p.take(media) }

func (p *player) cover() any {
	if p.one(6) {
		return blank
	}
	return p.name()
}

func (p *player) link() any {
	if name, _ := p.take(cdn).(string); name != "" {
		return prefix + name
	}
	return nil
}

// names returns some as a list.
func (p *player) names() []string {
	names := []string{}
	for range p.rand.IntN(3) {
		if name, _ := p.name().(string); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// list returns names as the column pages takes them.
func (p *player) list() any {
	names := p.names()
	switch {
	case p.one(6):
		return nil
	case p.w.d == references.PostgreSQL:
		return arrayOf(names)
	}
	return jsonOf(names)
}

func arrayOf(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = `"` + strings.ReplaceAll(name, `"`, `\"`) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}

func jsonOf(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// document returns names as the column photos takes them.
func (p *player) document() any {
	if p.one(6) {
		return nil
	}
	return jsonOf([]any{map[string]any{"file": p.name(), "n": 1}, map[string]any{"more": map[string]any{"file": []any{p.name(), nil}}}})
}

// value returns a column of an album, and what it may be set to.
func (p *player) value() (column string, value any) {
	switch p.rand.IntN(7) {
	case 0:
		return "cover", p.cover()
	case 1:
		return "banner", p.name()
	case 2:
		return "original", p.name()
	case 3:
		return "pages", p.list()
	case 4:
		return "link", p.link()
	}
	return "photos", p.document()
}

func (p *player) insert() statement {
	return sqlOf("INSERT INTO album (id, slug, title, cover, banner, original, pages, photos, link) VALUES (?, ?, 't', ?, ?, ?, ?, ?, ?)",
		p.id(), p.slug(), p.cover(), p.name(), p.name(), p.list(), p.document(), p.link())
}

func (p *player) insertMany() statement {
	id := p.id()
	return sqlOf("INSERT INTO album (id, cover, banner) VALUES (?, ?, ?), (?, ?, ?), (?, ?, ?)", id, p.name(), p.cover(), id+6, p.name(), p.name(), id+12, p.name(), p.name())
}

func (p *player) update() statement {
	column, value := p.value()
	return sqlOf("UPDATE album SET "+column+" = ? WHERE id = ?", value, p.id())
}

func (p *player) updateWhere() statement {
	column, value := p.value()
	return sqlOf("UPDATE album SET "+column+" = ? WHERE id > ?", value, p.id())
}

func (p *player) updateTitle() statement {
	return sqlOf("UPDATE album SET title = ?, cover = cover WHERE id > ?", strconv.Itoa(p.id()), p.id())
}

func (p *player) updateCase() statement {
	return sqlOf("UPDATE album SET cover = CASE WHEN id < ? THEN banner ELSE cover END, original = CASE WHEN id > 4 THEN original ELSE cover END WHERE id > ?", p.id()+1, p.id())
}

func (p *player) swap() statement {
	if p.w.d == references.MySQL { // where columns are set one after the other
		return sqlOf("UPDATE album SET cover = (@c := cover), cover = banner, banner = @c WHERE id > ?", p.id())
	}
	return sqlOf("UPDATE album SET cover = banner, banner = cover WHERE id > ?", p.id())
}

// copy gives rows the name that another one has.
func (p *player) copy() statement {
	return sqlOf("UPDATE album SET cover = (SELECT c FROM (SELECT banner AS c FROM album WHERE id = ?) AS o) WHERE id >= ?", p.id(), p.id())
}

func (p *player) copyRow() statement {
	return sqlOf("INSERT INTO album (id, title, cover, banner, original, pages, photos, link) SELECT id + ?, title, cover, banner, original, pages, photos, link FROM album WHERE id = ?", p.id(), p.id())
}

// copyAcross has the rows of one table name what those of another do.
func (p *player) copyAcross() statement {
	from := []string{
		"SELECT id + 20, file FROM item", "SELECT id + 40, file FROM part", "SELECT id, cover FROM album", "SELECT id + 20, file FROM archive",
	}[p.rand.IntN(4)]
	return sqlOf("INSERT INTO "+[]string{"scan", "note"}[p.rand.IntN(2)]+" (id, file) "+from+" WHERE id < ?", p.other())
}

// renumber gives a row another id, which its items lose and its notes get.
func (p *player) renumber() statement {
	return sqlOf("UPDATE album SET id = ? WHERE id = ?", p.id()+6, p.id())
}

func (p *player) remove() statement { return sqlOf("DELETE FROM album WHERE id = ?", p.id()) }

func (p *player) removeWhere() statement {
	if p.one(2) {
		return sqlOf("DELETE FROM album WHERE id IN (SELECT album_id FROM note WHERE id < ?)", p.other())
	}
	return sqlOf("DELETE FROM album WHERE id > ?", p.id()+3)
}

func (p *player) upsert() statement {
	query := "INSERT INTO album (id, cover, banner) VALUES (?, ?, ?), (?, ?, ?) "
	if p.w.d == references.MySQL {
		query += []string{
			"ON DUPLICATE KEY UPDATE banner = album.cover, cover = VALUES(cover)",
			"ON DUPLICATE KEY UPDATE id = id + 6, banner = VALUES(banner)",
			"ON DUPLICATE KEY UPDATE title = VALUES(cover)",
		}[p.rand.IntN(3)]
	} else {
		query += []string{
			"ON CONFLICT (id) DO UPDATE SET cover = excluded.cover, banner = album.cover",
			"ON CONFLICT (id) DO UPDATE SET cover = excluded.cover WHERE album.banner IS NULL",
			"ON CONFLICT (id) DO NOTHING",
			"ON CONFLICT DO NOTHING",
		}[p.rand.IntN(4)]
	}
	id := p.id()
	return sqlOf(query, id, p.cover(), p.name(), id+1, p.cover(), p.name())
}

// upsertOther is on the second key.
func (p *player) upsertOther() statement {
	query := "INSERT INTO album (id, slug, cover, link) VALUES (?, ?, ?, ?) "
	if p.w.d == references.MySQL {
		query += "ON DUPLICATE KEY UPDATE slug = NULL, cover = VALUES(cover), pages = NULL, link = VALUES(link)"
	} else {
		query += "ON CONFLICT (slug) DO UPDATE SET slug = NULL, cover = excluded.cover, pages = NULL, link = excluded.link"
	}
	return sqlOf(query, p.id()+6, p.id(), p.cover(), p.link())
}

func (p *player) insertItem() statement {
	return sqlOf("INSERT INTO item (id, album_id, file) VALUES (?, (SELECT min(id) FROM album WHERE id >= ?), ?)", p.other(), p.id(), p.name())
}

// moveItem puts an album's file into an item.
func (p *player) moveItem() statement {
	return sqlOf("UPDATE item SET file = (SELECT cover FROM album WHERE album.id = item.album_id) WHERE album_id >= ?", p.id())
}

func (p *player) updateItems() statement {
	return sqlOf("UPDATE item SET file = ? WHERE id > ?", p.name(), p.other())
}

func (p *player) removeItems() statement {
	return sqlOf("DELETE FROM item WHERE album_id = ? OR album_id IS NULL AND id < ?", p.id(), p.other())
}

// renumberItem gives an item another id, which its parts follow.
func (p *player) renumberItem() statement {
	return sqlOf("UPDATE item SET id = ?, file = ? WHERE id = ?", p.other(), p.name(), p.other())
}

// empty deletes all, now and then.
func (p *player) empty() statement {
	if p.one(3) {
		return sqlOf("DELETE FROM album")
	}
	return sqlOf("DELETE FROM " + []string{"item", "part", "note", "loan", "scan", "archive", "owner", "tree", "shelf"}[p.rand.IntN(9)])
}

func (p *player) insertPart() statement {
	return sqlOf("INSERT INTO part (id, item_id, file) VALUES (?, (SELECT min(id) FROM item WHERE id >= ?), ?)", p.other(), p.other(), p.name())
}

func (p *player) updateParts() statement {
	return sqlOf("UPDATE part SET file = ? WHERE id > ?", p.name(), p.other())
}

func (p *player) insertNote() statement {
	return sqlOf("INSERT INTO note (id, album_id, file) VALUES (?, (SELECT min(id) FROM album WHERE id >= ?), ?)", p.other(), p.id(), p.name())
}

func (p *player) updateNotes() statement {
	return sqlOf("UPDATE note SET file = ? WHERE id > ?", p.name(), p.other())
}

// removeNotes puts some names into the archive.
func (p *player) removeNotes() statement {
	return sqlOf("DELETE FROM note WHERE album_id IS NULL AND id > ?", p.other())
}

func (p *player) removeArchive() statement { return sqlOf("DELETE FROM archive") }

func (p *player) insertOwner() statement { return sqlOf("INSERT INTO owner (id) VALUES (?)", p.id()) }

func (p *player) assetName() string {
	name, _ := p.name().(string)
	return name
}

func (p *player) insertAsset() statement {
	return sqlOf("INSERT INTO asset (name, owner_id) VALUES (?, (SELECT min(id) FROM owner WHERE id > ?))", p.assetName(), p.id()-1)
}

// insertLoan names the file of an asset.
func (p *player) insertLoan() statement {
	return sqlOf("INSERT INTO loan (id, file) VALUES (?, (SELECT min(name) FROM asset WHERE owner_id >= ?))", p.other(), p.id()-1)
}

func (p *player) renameAsset() statement {
	return sqlOf("UPDATE asset SET name = ? WHERE owner_id = ?", p.assetName(), p.id())
}

func (p *player) removeAsset() statement {
	return sqlOf("DELETE FROM asset WHERE owner_id IS NULL OR owner_id = ?", p.id())
}

// removeOwner takes assets with it, whose files loans lose.
func (p *player) removeOwner() statement { return sqlOf("DELETE FROM owner WHERE id >= ?", p.id()) }

func (p *player) removeLoans() statement { return sqlOf("DELETE FROM loan WHERE id > ?", p.other()) }

func (p *player) insertScans() statement {
	id := p.other()
	return sqlOf("INSERT INTO scan (id, file) VALUES (?, ?), (?, ?)", id, p.name(), 19-id, p.name())
}

// moveScan moves rows to another partition.
func (p *player) moveScan() statement {
	return sqlOf("UPDATE scan SET id = 19 - id, file = ? WHERE id = ?", p.name(), p.other())
}

func (p *player) updateScans() statement {
	return sqlOf("UPDATE scan SET file = ? WHERE id > ?", p.name(), p.other())
}

func (p *player) removeScans() statement {
	return sqlOf("DELETE FROM scan WHERE id > ?", p.other())
}

func (p *player) insertTree() statement {
	id := p.other()
	return sqlOf("INSERT INTO tree (id, parent_id, file) VALUES (?, (SELECT min(o.id) FROM (SELECT id FROM tree) AS o WHERE o.id > ?), ?), (?, NULL, ?)", id, p.other(), p.name(), 20+id, p.name())
}

// removeTree takes what is below with it.
func (p *player) removeTree() statement {
	if p.one(2) {
		return sqlOf("UPDATE tree SET file = ? WHERE id = ?", p.name(), p.other())
	}
	return sqlOf("DELETE FROM tree WHERE parent_id IS NULL AND id > ?", p.other())
}

// shelf writes a view.
func (p *player) shelf() statement {
	switch p.rand.IntN(3) {
	case 0:
		return sqlOf("INSERT INTO shelf (id, cover) VALUES (?, ?)", p.id(), p.cover())
	case 1:
		return sqlOf("UPDATE shelf SET cover = banner, banner = ? WHERE id > ?", p.name(), p.id())
	}
	return sqlOf("DELETE FROM shelf WHERE id = ?", p.id())
}
