package pgx_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/filecleangen/filecleangen/conformance/triggered/internal/calls"
	"github.com/filecleangen/filecleangen/references"
)

// What sqlc makes of :batchexec, :copyfrom and :many, too.
func TestCalls(t *testing.T) {
	calls.Run(t, func(w *calls.World) {
		ctx := w.Ctx
		conn, err := pgx.Connect(ctx, w.DSN)
		w.Must(err)
		defer func() { w.Must(conn.Close(ctx)) }()
		_, err = conn.Exec(ctx, "CREATE TABLE part (id bigint PRIMARY KEY, file text NOT NULL)")
		w.Must(err)
		w.Track("part.file")
		w.Files("a b c d e f")

		_, err = conn.CopyFrom(ctx, pgx.Identifier{"part"}, []string{"id", "file"}, pgx.CopyFromRows([][]any{{1, "a"}, {2, "b"}, {3, "c"}}))
		w.Want("CopyFrom", err, "a b c d e f")
		batch := &pgx.Batch{}
		for id, file := range map[int]string{1: "d", 2: "e"} {
			batch.Queue("UPDATE part SET file = $2 WHERE id = $1", id, file)
		}
		batch.Queue("INSERT INTO part (id, file) VALUES (4, 'f')")
		w.Want("SendBatch", conn.SendBatch(ctx, batch).Close(), "c d e f")
		rows, err := conn.Query(ctx, "DELETE FROM part WHERE id < 3 RETURNING file")
		w.Must(err)
		files, err := pgx.CollectRows(rows, pgx.RowTo[string])
		w.Want("RETURNING", err, "c f")
		if len(files) != 2 {
			t.Errorf("%q", files)
		}

		batch = &pgx.Batch{}
		batch.Queue("DELETE FROM part WHERE id = 3")
		batch.Queue("INSERT INTO part (id, file) VALUES (5, 'a')")
		w.Gone("SendBatch", conn.SendBatch(ctx, batch).Close())
		_, err = conn.CopyFrom(ctx, pgx.Identifier{"part"}, []string{"id", "file"}, pgx.CopyFromRows([][]any{{6, "f"}, {7, "b"}}))
		w.Gone("CopyFrom", err)
		w.Want("refused", nil, "c f")
	}, references.PostgreSQL)
}
