package random_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
)

type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// do runs a random statement that writes.
func (p *player) do(ctx context.Context, db execer) error {
	query, args := p.statement()
	_, err := db.ExecContext(ctx, databases.Rebind(p.w.d, query), args...)
	if err != nil {
		err = fmt.Errorf("%s %q: %w", query, args, err)
	}
	return err
}

func (p *player) id() int { return 1 + p.rand.IntN(6) }

// take returns the name of an upload that no row has; now and then one that the player has
// had before, which may be gone; or none.
func (p *player) take() any {
	switch {
	case len(p.mind) > 0 && p.one(8):
		return p.mind[p.rand.IntN(len(p.mind))]
	case len(p.fresh) == 0 || p.one(6):
		return []any{nil, ""}[p.rand.IntN(2)]
	}
	name := p.fresh[p.rand.IntN(len(p.fresh))]
	if !p.one(4) { // or it is named twice
		p.fresh = slices.DeleteFunc(p.fresh, func(n string) bool { return n == name })
	}
	if p.mind = append(p.mind, name); len(p.mind) > 20 {
		p.mind = p.mind[1:]
	}
	return name
}

// list returns names as the column pages takes them.
func (p *player) list() any {
	var names []string
	for range p.rand.IntN(3) {
		if name, _ := p.take().(string); name != "" {
			names = append(names, name)
		}
	}
	switch {
	case p.one(6):
		return nil
	case p.w.d == references.PostgreSQL:
		return "{" + strings.Join(names, ",") + "}"
	case len(names) == 0:
		return "[]"
	}
	return `["` + strings.Join(names, `","`) + `"]`
}

// document returns names as the column photos takes them.
func (p *player) document() any {
	first, _ := p.take().(string)
	second, _ := p.take().(string)
	if p.one(6) {
		return nil
	}
	return fmt.Sprintf(`[{"file": %q, "n": 1}, {"more": {"file": [%q, null]}}]`, first, second)
}

// value returns a column of an album, and what it may be set to.
func (p *player) value() (column string, value any) {
	switch p.rand.IntN(4) {
	case 0:
		return "cover", p.take()
	case 1:
		return "banner", p.take()
	case 2:
		return "pages", p.list()
	}
	return "photos", p.document()
}

// statement returns a statement that changes rows, with its arguments.
func (p *player) statement() (query string, args []any) {
	common := []func() (string, []any){
		p.insert, p.insert, p.insertMany, p.update, p.update, p.update, p.updateWhere, p.updateTitle, p.swap,
		p.copy, p.copyRow, p.renumber, p.remove, p.removeWhere, p.upsert, p.upsert, p.insertItem, p.insertItem, p.moveItem, p.updateItems, p.removeItems, p.empty,
	}
	own := map[references.Dialect][]func() (string, []any){
		references.SQLite:     {p.orReplace, p.orReplace, p.updateOrReplace, p.orFail},
		references.PostgreSQL: {p.merge, p.moveInOne, p.updateFrom, p.truncate},
		references.MySQL:      {p.replaceInto, p.insertIgnore},
	}[p.w.d]
	all := slices.Concat(common, own)
	return all[p.rand.IntN(len(all))]()
}

func (p *player) insert() (string, []any) {
	return "INSERT INTO album (id, title, cover, banner, pages, photos) VALUES (?, 't', ?, ?, ?, ?)", []any{p.id(), p.take(), p.take(), p.list(), p.document()}
}

func (p *player) insertMany() (string, []any) {
	id := p.id()
	return "INSERT INTO album (id, cover, banner) VALUES (?, ?, ?), (?, ?, ?), (?, ?, ?)", []any{id, p.take(), p.take(), id + 6, p.take(), p.take(), id + 12, p.take(), p.take()}
}

func (p *player) update() (string, []any) {
	column, value := p.value()
	return "UPDATE album SET " + column + " = ? WHERE id = ?", []any{value, p.id()}
}

func (p *player) updateWhere() (string, []any) {
	column, value := p.value()
	return "UPDATE album SET " + column + " = ? WHERE id > ?", []any{value, p.id()}
}

func (p *player) updateTitle() (string, []any) {
	return "UPDATE album SET title = ?, cover = cover WHERE id > ?", []any{strconv.Itoa(p.id()), p.id()}
}

func (p *player) swap() (string, []any) {
	if p.w.d == references.MySQL { // where columns are set one after the other
		return "UPDATE album SET cover = (@c := cover), cover = banner, banner = @c WHERE id > ?", []any{p.id()}
	}
	return "UPDATE album SET cover = banner, banner = cover WHERE id > ?", []any{p.id()}
}

// copy gives rows the name that another one has.
func (p *player) copy() (string, []any) {
	return "UPDATE album SET cover = (SELECT c FROM (SELECT banner AS c FROM album WHERE id = ?) AS o) WHERE id >= ?", []any{p.id(), p.id()}
}

func (p *player) copyRow() (string, []any) {
	return "INSERT INTO album (id, title, cover, banner, pages, photos) SELECT id + ?, title, cover, banner, pages, photos FROM album WHERE id = ?", []any{p.id(), p.id()}
}

// renumber gives a row another id, which its items lose.
func (p *player) renumber() (string, []any) {
	return "UPDATE album SET id = ? WHERE id = ?", []any{p.id() + 6, p.id()}
}

func (p *player) remove() (string, []any) { return "DELETE FROM album WHERE id = ?", []any{p.id()} }

func (p *player) removeWhere() (string, []any) {
	return "DELETE FROM album WHERE id > ?", []any{p.id() + 3}
}

func (p *player) upsert() (string, []any) {
	query := "INSERT INTO album (id, cover, banner) VALUES (?, ?, ?), (?, ?, ?) "
	if p.w.d == references.MySQL {
		query += "ON DUPLICATE KEY UPDATE banner = album.cover, cover = VALUES(cover)"
	} else {
		query += "ON CONFLICT (id) DO UPDATE SET cover = excluded.cover, banner = album.cover"
	}
	id := p.id()
	return query, []any{id, p.take(), p.take(), id + 1, p.take(), p.take()}
}

func (p *player) insertItem() (string, []any) {
	return "INSERT INTO item (id, album_id, file) VALUES (?, (SELECT min(id) FROM album WHERE id >= ?), ?)", []any{p.rand.IntN(20), p.id(), p.take()}
}

// moveItem puts an album's file into an item.
func (p *player) moveItem() (string, []any) {
	return "UPDATE item SET file = (SELECT cover FROM album WHERE album.id = item.album_id) WHERE album_id >= ?", []any{p.id()}
}

func (p *player) updateItems() (string, []any) {
	return "UPDATE item SET file = ? WHERE id > ?", []any{p.take(), p.rand.IntN(20)}
}

func (p *player) removeItems() (string, []any) {
	return "DELETE FROM item WHERE album_id = ? OR album_id IS NULL AND id < ?", []any{p.id(), p.rand.IntN(20)}
}

// empty deletes all, now and then.
func (p *player) empty() (string, []any) {
	if p.one(4) {
		return "DELETE FROM album", nil
	}
	return "DELETE FROM item", nil
}

func (p *player) orReplace() (string, []any) {
	id := p.id()
	return "INSERT OR REPLACE INTO album (id, cover, banner) VALUES (?, ?, ?), (?, ?, ?)", []any{id, p.take(), p.take(), id + 1, p.take(), p.take()}
}

func (p *player) updateOrReplace() (string, []any) {
	return "UPDATE OR REPLACE album SET id = ?, cover = ? WHERE id = ?", []any{p.id(), p.take(), p.id()}
}

// orFail leaves what it did before it failed.
func (p *player) orFail() (string, []any) {
	or := []string{"FAIL", "IGNORE", "ABORT", "ROLLBACK"}[p.rand.IntN(4)]
	id := p.id()
	return "INSERT OR " + or + " INTO album (id, cover) VALUES (?, ?), (?, ?)", []any{id, p.take(), id + 1, p.take()}
}

func (p *player) merge() (string, []any) {
	id := p.id()
	return "MERGE INTO album USING (VALUES (?::bigint, ?::text), (?::bigint, ?::text)) n (id, cover) ON album.id = n.id WHEN MATCHED AND n.cover = '' THEN DELETE" +
		" WHEN MATCHED THEN UPDATE SET cover = n.cover, banner = album.cover WHEN NOT MATCHED THEN INSERT (id, cover) VALUES (n.id, n.cover)", []any{id, p.take(), id + 1, p.take()}
}

// moveInOne deletes a row and puts it back under another id, in one statement.
func (p *player) moveInOne() (string, []any) {
	return "WITH gone AS (DELETE FROM album WHERE id = ? RETURNING *) INSERT INTO item (id, file) SELECT ?::bigint, cover FROM gone", []any{p.id(), p.rand.IntN(20)}
}

func (p *player) updateFrom() (string, []any) {
	return "UPDATE album SET cover = o.cover, pages = o.pages || album.pages FROM album o WHERE o.id = album.id + ?::bigint", []any{p.rand.IntN(3) - 1}
}

// truncate is for transactions whose snapshot is new: elsewhere it is refused.
func (p *player) truncate() (string, []any) {
	if p.level == sql.LevelRepeatableRead || p.level == sql.LevelSerializable {
		return p.empty()
	}
	if p.one(3) {
		return "TRUNCATE album, item", nil
	}
	return "TRUNCATE item", nil
}

func (p *player) replaceInto() (string, []any) {
	id := p.id()
	return "REPLACE INTO album (id, cover, banner) VALUES (?, ?, ?), (?, ?, ?)", []any{id, p.take(), p.take(), id + 1, p.take(), p.take()}
}

func (p *player) insertIgnore() (string, []any) {
	return "INSERT IGNORE INTO album (id, cover) VALUES (?, ?)", []any{p.id(), p.take()}
}
