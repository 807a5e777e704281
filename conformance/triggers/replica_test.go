package triggers_test

import (
	"testing"

	"github.com/filecleangen/filecleangen/references"
)

// Where no trigger fires, the relay still asks the rows before it deletes a file: no file
// is lost, and what is let go of there is left for a sweep.
func TestReplica(t *testing.T) {
	w := newWorld(t, references.PostgreSQL)
	w.write("a", "b", "c")
	w.exec("INSERT INTO article (id, cover, banner) VALUES (1, 'a', 'b'), (2, 'c', NULL)")
	w.exec("UPDATE article SET cover = NULL, banner = NULL WHERE id = 1")
	w.in(true, "SET LOCAL session_replication_role = replica", "INSERT INTO scan (id, file) VALUES (1, 'a')")
	w.wantRows("pending a", "pending b")
	w.want("a c")
	w.in(true, "SET LOCAL session_replication_role = replica", "DELETE FROM article WHERE id = 2")
	w.wantRows()
	w.want("a c")
	w.exec("DELETE FROM scan")
	w.want("c")
}
