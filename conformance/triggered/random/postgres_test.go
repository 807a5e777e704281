package random_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresOwn are statements that PostgreSQL has of its own.
func (p *player) postgresOwn(s *session) []func() statement {
	all := []func() statement{
		p.merge, p.merge, p.mergeScan, p.moveInOne, p.manyInOne, p.postgresUpdateFrom, p.deleteUsing, p.arrays, p.documents,
		p.copyFrom, p.copyFrom, p.onePartition, p.onePartition, p.block, p.cursor,
	}
	if s.level != sql.LevelRepeatableRead && s.level != sql.LevelSerializable {
		// TRUNCATE also removes rows that the snapshot does not have, and so is refused.
		all = append(all, p.truncate)
	}
	return all
}

func (p *player) merge() statement {
	id := p.id()
	return sqlOf("MERGE INTO album USING (VALUES (?::bigint, ?::text), (?::bigint, ?::text)) n (id, cover) ON album.id = n.id WHEN MATCHED AND n.cover = '' THEN DELETE"+
		" WHEN MATCHED AND album.cover = 'blank.png' THEN DO NOTHING WHEN MATCHED THEN UPDATE SET cover = n.cover, banner = album.cover WHEN NOT MATCHED THEN INSERT (id, cover) VALUES (n.id, n.cover)", id, p.cover(), id+1, p.name())
}

func (p *player) mergeScan() statement {
	return sqlOf("MERGE INTO scan USING item ON scan.id = item.id WHEN MATCHED AND item.id < ?::bigint THEN UPDATE SET file = item.file, id = 19 - scan.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, file) VALUES (item.id, item.file)", p.other())
}

// moveInOne deletes rows and has others name what they did, in one statement.
func (p *player) moveInOne() statement {
	return sqlOf("WITH gone AS (DELETE FROM album WHERE id = ? RETURNING *) INSERT INTO item (id, file) SELECT ?::bigint, cover FROM gone", p.id(), p.other())
}

func (p *player) manyInOne() statement {
	return sqlOf("WITH a AS (UPDATE item SET file = ? WHERE id < ? RETURNING id, file), b AS (INSERT INTO note (id, file) SELECT id, file FROM a RETURNING id), c AS (DELETE FROM part WHERE id > ?) UPDATE scan SET file = a.file FROM a WHERE scan.id = a.id",
		p.name(), p.other(), p.other())
}

func (p *player) postgresUpdateFrom() statement {
	return sqlOf("UPDATE album SET cover = o.cover, pages = o.pages || album.pages, original = o.banner FROM album o WHERE o.id = album.id + ?::bigint", p.rand.IntN(3)-1)
}

func (p *player) deleteUsing() statement {
	return sqlOf("DELETE FROM album USING item WHERE item.album_id = album.id AND item.id > ?", p.other())
}

func (p *player) arrays() statement {
	change := []string{"array_append(pages, ?::text)", "array_remove(pages, ?::text)", "ARRAY[?::text, cover, NULL]", "ARRAY[ARRAY[banner, ?::text]]"}[p.rand.IntN(4)]
	return sqlOf("UPDATE album SET pages = "+change+" WHERE id > ?", p.name(), p.id())
}

func (p *player) documents() statement {
	change := []string{"jsonb_set(photos, '{1,more}', to_jsonb(pages))", "photos - 0", "photos || to_jsonb(banner)", "photos #- '{0,file}'"}[p.rand.IntN(4)]
	return sqlOf("UPDATE album SET photos = "+change+" WHERE id > ?", p.id())
}

// copyFrom is COPY.
func (p *player) copyFrom() statement {
	table, id := []string{"scan", "item", "scan_1", "note"}[p.rand.IntN(4)], 20+p.other()
	rows := [][]any{{int64(id), p.name()}, {int64(id + 1), p.name()}, {int64(id + 2), p.name()}}
	return statement{query: fmt.Sprintf("COPY %s %q", table, rows), run: func(ctx context.Context, s *session) error {
		return s.conn.Raw(func(conn any) error {
			_, err := conn.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{table}, []string{"id", "file"}, pgx.CopyFromRows(rows))
			return err
		})
	}}
}

// onePartition names a partition, and not the table.
func (p *player) onePartition() statement {
	switch p.rand.IntN(4) {
	case 0:
		return sqlOf("INSERT INTO scan_0 (id, file) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET file = excluded.file", p.id(), p.name())
	case 1:
		return sqlOf("UPDATE scan_0 SET file = ? WHERE id > ?", p.name(), p.id())
	case 2:
		return sqlOf("UPDATE ONLY scan_1 SET file = ?", p.name())
	}
	return sqlOf("DELETE FROM scan_1 WHERE id > ?", 10+p.id())
}

func literal(value any) string {
	if text, is := value.(string); is {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	return "NULL"
}

// block is some statements, of which those that fail are rolled back by themselves.
func (p *player) block() statement {
	return sqlOf(fmt.Sprintf("DO $$ BEGIN DELETE FROM part WHERE id = %d; BEGIN UPDATE item SET file = %s WHERE id > %d; UPDATE note SET file = %s; INSERT INTO scan (id, file) VALUES (%d, %s); EXCEPTION WHEN OTHERS THEN UPDATE item SET file = NULL WHERE id < %d; END; END $$",
		p.other(), literal(p.name()), p.other(), literal(p.name()), p.other(), literal(p.name()), p.other()))
}

func (p *player) cursor() statement {
	return sqlOf(fmt.Sprintf("DO $$ DECLARE c CURSOR FOR SELECT * FROM scan FOR UPDATE; BEGIN FOR r IN c LOOP IF r.id < %d THEN DELETE FROM scan WHERE CURRENT OF c; ELSE UPDATE scan SET file = %s WHERE CURRENT OF c; END IF; END LOOP; END $$", p.other(), literal(p.name())))
}

func (p *player) truncate() statement {
	return sqlOf([]string{"TRUNCATE album, item, part, note", "TRUNCATE item CASCADE", "TRUNCATE scan_0", "TRUNCATE scan RESTART IDENTITY", "TRUNCATE part", "TRUNCATE album CASCADE"}[p.rand.IntN(6)])
}
