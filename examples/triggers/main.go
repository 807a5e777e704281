// Triggers shows that files go with the rows that name them when nobody but the database
// knows what becomes of the rows: raw SQL, a bulk update, a cascade, a rollback, and a
// process that is killed between the commit and the deletion.
//
// store.go is the part to copy. The rest tells the story and checks it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/storage"
)

// folderVariable tells the process that is to crash where to work.
const folderVariable = "TRIGGERS_EXAMPLE_FOLDER"

func main() {
	run := tell
	if folder := os.Getenv(folderVariable); folder != "" {
		run = func(ctx context.Context, _ io.Writer) error { return crash(ctx, folder) }
	}
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "triggers:", err)
		os.Exit(1)
	}
}

// A step is a part of the story: uploads, and statements in a transaction, after which
// some files are there.
type step struct {
	what    string
	uploads []string
	sql     []string // which a ROLLBACK may end
	disk    string
}

var steps = []step{
	{"Rows name files that were uploaded.", []string{"a.png", "b.png", "c.png", "p.png", "q.png"}, []string{
		"INSERT INTO article (id, cover) VALUES (1, 'a.png'), (2, 'b.png'), (3, 'c.png')",
		"INSERT INTO photo (article_id, file) VALUES (1, 'p.png'), (1, 'q.png')",
	}, "a.png b.png c.png p.png q.png"},
	{"One gets another cover.", []string{"d.png"}, []string{"UPDATE article SET cover = 'd.png' WHERE id = 2"}, "a.png c.png d.png p.png q.png"},
	{"A transaction is rolled back.", nil, []string{"DELETE FROM article", "ROLLBACK"}, "a.png c.png d.png p.png q.png"},
	{"One is deleted, and its photos with it, by a cascade.", nil, []string{"DELETE FROM article WHERE id = 1"}, "c.png d.png"},
	{"One statement gives all that are left the same cover.", []string{"e.png"}, []string{"UPDATE article SET cover = 'e.png'"}, "e.png"},
	{"One of the two is deleted.", nil, []string{"DELETE FROM article WHERE id = 2"}, "e.png"},
}

// last is done by a process that is killed after the commit.
var last = step{"A process gives the other one another cover, and is killed when that is committed.", []string{"f.png"},
	[]string{"UPDATE article SET cover = 'f.png' WHERE id = 3"}, "e.png f.png"}

// tell tells the story in a temporary folder, which it removes.
func tell(ctx context.Context, out io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "triggers-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if err := makeMedia(folder); err != nil {
		return err
	}
	for n, step := range steps {
		if err := take(ctx, out, folder, n+1, step); err != nil {
			return err
		}
	}
	if err := startAndCrash(ctx, folder); err != nil {
		return err
	}
	if err := expect(out, folder, len(steps)+1, last); err != nil {
		return err
	}
	return take(ctx, out, folder, len(steps)+2, step{what: "The next one has a relay, too.", disk: "f.png"})
}

// take is what a process does in a step. It has a relay.
func take(ctx context.Context, out io.Writer, folder string, number int, step step) error {
	s, err := open(ctx, folder)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.run(ctx, step); err != nil {
		return err
	}
	if _, err := s.relay.Drain(ctx); err != nil { // a service has relay.Run in the background
		return err
	}
	return expect(out, folder, number, step)
}

// run makes the files of a step, and runs its statements in a transaction.
func (s *Store) run(ctx context.Context, step step) error {
	for _, name := range step.uploads {
		discard, err := s.Upload(ctx, name)
		if err != nil {
			return err
		}
		defer discard()
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, statement := range step.sql {
		if statement == "ROLLBACK" {
			return tx.Rollback()
		}
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// crash does the last step. It does not return, unless something goes wrong.
func crash(ctx context.Context, folder string) error {
	s, err := open(ctx, folder)
	if err != nil {
		return err
	}
	if err := s.run(ctx, last); err != nil {
		return err
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	if err := self.Kill(); err != nil {
		return err
	}
	select {}
}

// startAndCrash runs this program as the process that is killed.
func startAndCrash(ctx context.Context, folder string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	process := exec.CommandContext(ctx, program)
	process.Env = append(os.Environ(), folderVariable+"="+folder)
	process.Stderr = os.Stderr
	var exit *exec.ExitError
	if err := process.Run(); !errors.As(err, &exit) {
		return fmt.Errorf("the process was not killed: %w", err)
	}
	return nil
}

// makeMedia makes the directory of the pictures, and marks it as this
// environment's: what a deployment does, once.
func makeMedia(folder string) error {
	path := filepath.Join(folder, "media")
	if err := os.Mkdir(path, 0o755); err != nil {
		return err
	}
	media, err := storage.Dir(path)
	if err != nil {
		return err
	}
	defer media.Close()
	return outbox.Mark(media, environment)
}

// expect shows a step and what is on disk after it, and checks that.
func expect(out io.Writer, folder string, number int, step step) error {
	entries, err := os.ReadDir(filepath.Join(folder, "media"))
	if err != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		if e.Name() != outbox.MarkerName {
			names = append(names, e.Name())
		}
	}
	disk := strings.Join(names, " ")
	fmt.Fprintf(out, "%d. %s\n", number, step.what)
	for _, statement := range step.sql {
		fmt.Fprintf(out, "   sql   %s\n", statement)
	}
	fmt.Fprintf(out, "   disk  %s\n", disk)
	if disk != step.disk {
		return fmt.Errorf("step %d: on disk are %s, not %s", number, disk, step.disk)
	}
	return nil
}
