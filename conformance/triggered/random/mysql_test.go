package random_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"github.com/go-sql-driver/mysql"
)

// mysqlOwn are statements that MySQL and MariaDB have of their own. TRUNCATE fires no triggers.
func (p *player) mysqlOwn(*session) []func() statement {
	all := []func() statement{
		p.replaceInto, p.replaceInto, p.mysqlReplaceSelect, p.insertIgnore, p.insertSet, p.updateIgnore, p.deleteIgnore,
		p.updateJoin, p.updateJoin, p.deleteJoin, p.deleteJoin, p.limited, p.mysqlDocuments, p.loadData, p.mysqlPartition, p.upsertSelect,
	}
	if p.w.returns { // it is MariaDB
		all = append(all, p.mysqlBlock)
	}
	return all
}

func (p *player) replaceInto() statement {
	id := p.id()
	return sqlOf("REPLACE INTO album (id, slug, cover, banner) VALUES (?, ?, ?, ?), (?, ?, ?, ?)", id, p.slug(), p.cover(), p.name(), id+1, p.slug(), p.cover(), p.name())
}

func (p *player) mysqlReplaceSelect() statement {
	return sqlOf("REPLACE INTO item (id, album_id, file) SELECT id + 1, album_id, file FROM item WHERE id > ?", p.other())
}

func (p *player) insertIgnore() statement {
	id := p.id()
	return sqlOf("INSERT IGNORE INTO album (id, slug, cover) VALUES (?, ?, ?), (?, ?, ?)", id, p.slug(), p.cover(), id+1, p.slug(), p.cover())
}

func (p *player) insertSet() statement {
	return sqlOf("INSERT INTO scan SET id = ?, file = ?", p.other(), p.name())
}

func (p *player) updateIgnore() statement {
	if p.one(2) {
		return sqlOf("UPDATE IGNORE scan SET id = id + 1, file = ? WHERE id > ?", p.name(), p.other())
	}
	return sqlOf("UPDATE IGNORE album SET slug = ?, cover = ? WHERE id > ?", p.slug(), p.cover(), p.id())
}

func (p *player) deleteIgnore() statement {
	return sqlOf("DELETE IGNORE FROM item WHERE id > ?", p.other())
}

func (p *player) updateJoin() statement {
	switch p.rand.IntN(3) {
	case 0:
		return sqlOf("UPDATE album a JOIN item i ON i.album_id = a.id SET a.cover = i.file, i.file = ? WHERE i.id > ?", p.name(), p.other())
	case 1:
		return sqlOf("UPDATE album a, album o SET a.cover = o.cover, a.original = o.banner, a.photos = o.photos WHERE o.id = a.id + ?", p.rand.IntN(3)-1)
	}
	return sqlOf("UPDATE scan s LEFT JOIN part p ON p.id = s.id SET s.file = p.file, p.file = ?", p.name())
}

func (p *player) deleteJoin() statement {
	switch p.rand.IntN(3) {
	case 0:
		return sqlOf("DELETE a, s FROM album a LEFT JOIN scan s ON s.id = a.id WHERE a.id > ?", p.id())
	case 1:
		return sqlOf("DELETE i, p FROM item i JOIN part p ON p.item_id = i.id WHERE p.id > ?", p.other())
	}
	return sqlOf("DELETE FROM note, loan USING note, loan WHERE note.id = loan.id AND note.id > ?", p.other())
}

func (p *player) limited() statement {
	if p.one(2) {
		return sqlOf("DELETE FROM item ORDER BY id DESC LIMIT 2")
	}
	return sqlOf("UPDATE scan SET file = ? ORDER BY id LIMIT 3", p.name())
}

func (p *player) mysqlDocuments() statement {
	if p.one(2) {
		return sqlOf("UPDATE album SET photos = JSON_REMOVE(photos, '$[0]') WHERE id > ?", p.id())
	}
	return sqlOf("UPDATE album SET pages = JSON_SET(COALESCE(pages, '[]'), '$[0]', COALESCE(?, '')), photos = JSON_SET(photos, '$[1].more', cover) WHERE id > ?", p.name(), p.id())
}

func (p *player) upsertSelect() statement {
	return sqlOf("INSERT INTO scan (id, file) SELECT id, file FROM item ON DUPLICATE KEY UPDATE file = VALUES(file), id = scan.id + 20")
}

// readers counts what LOAD DATA reads from.
var readers atomic.Int64

func (p *player) loadData() statement {
	var all strings.Builder
	id := p.other()
	for n := range 3 {
		name, _ := p.name().(string)
		fmt.Fprintf(&all, "%d\t%s\n", id+n, name)
	}
	rows := all.String()
	how := []string{"", "REPLACE", "IGNORE"}[p.rand.IntN(3)]
	return statement{query: fmt.Sprintf("LOAD DATA %s %q", how, rows), run: func(ctx context.Context, s *session) error {
		name := fmt.Sprint("rows", readers.Add(1))
		mysql.RegisterReaderHandler(name, func() io.Reader { return strings.NewReader(rows) })
		defer mysql.DeregisterReaderHandler(name)
		return s.exec(ctx, "LOAD DATA LOCAL INFILE 'Reader::"+name+"' "+how+" INTO TABLE scan CHARACTER SET utf8mb4 (id, file)")
	}}
}

func (p *player) mysqlPartition() statement {
	switch p.rand.IntN(3) {
	case 0:
		return sqlOf("INSERT INTO scan PARTITION (scan_0) (id, file) VALUES (?, ?) ON DUPLICATE KEY UPDATE file = VALUES(file)", p.id(), p.name())
	case 1:
		return sqlOf("UPDATE scan PARTITION (scan_0) SET file = ? WHERE id > ?", p.name(), p.id())
	}
	return sqlOf("DELETE FROM scan PARTITION (scan_1)")
}

// mysqlBlock is some statements, the next of which runs where one fails.
func (p *player) mysqlBlock() statement {
	return sqlOf(fmt.Sprintf("BEGIN NOT ATOMIC DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END; UPDATE item SET file = %s WHERE id > %d; INSERT INTO scan (id, file) VALUES (%d, %s); DELETE FROM part WHERE id = %d; END",
		literal(p.name()), p.other(), p.other(), literal(p.name()), p.other()))
}
