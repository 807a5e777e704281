package django_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/django/models"
	"github.com/filecleangen/filecleangen/references"
)

const (
	crashDir  = "FILECLEANGEN_CRASH_DIR"  // where the child works
	crashSeed = "FILECLEANGEN_CRASH_SEED" // what it does
	crashAt   = "FILECLEANGEN_CRASH_AT"   // at which point it kills itself; 0: never
)

// crashSchema keeps what rows named at some time.
var crashSchema = append(slices.Clip(schema[references.SQLite]),
	"CREATE TABLE seen (name TEXT PRIMARY KEY) WITHOUT ROWID",
	"CREATE TRIGGER seen_insert AFTER INSERT ON record BEGIN INSERT OR IGNORE INTO seen VALUES (new.image), (new.other); END",
	"CREATE TRIGGER seen_update AFTER UPDATE ON record BEGIN INSERT OR IGNORE INTO seen VALUES (new.image), (new.other); END",
)

// TestCrash kills a process that runs random transactions, 500 times: from
// outside, at any moment, and from inside, right before or after a call of the
// storage or of the database. No file that a row names is ever gone. What no row
// names is counted: files whose deletion a commit promised, and uploads whose
// transaction was not committed. An outbox brings both to nothing.
func TestCrash(t *testing.T) {
	const lanes = 4
	kills := 500 / lanes
	if testing.Short() {
		kills = 5
	}
	var promised, uploads atomic.Int64
	t.Run("lanes", func(t *testing.T) {
		for lane := range lanes {
			t.Run(strconv.Itoa(lane), func(t *testing.T) {
				t.Parallel()
				p, u := crashLane(t, uint64(lane), kills)
				promised.Add(p)
				uploads.Add(u)
			})
		}
	})
	t.Logf("%d kills left %d files whose deletion was promised, and %d uploads of transactions that were not committed",
		lanes*kills, promised.Load(), uploads.Load())
}

func crashLane(t *testing.T, lane uint64, kills int) (promised, uploads int64) {
	t.Helper()
	dir := t.TempDir()
	root := filepath.Join(dir, "media")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	w := openWorld(t, references.SQLite, root, crashDatabase(dir), crashSchema)
	random := rand.New(rand.NewPCG(lane, 2))
	for i := range kills {
		seed := lane<<32 | uint64(i)
		at := 0
		if i%2 == 1 {
			at = 1 + random.IntN(120)
		}
		runUntilKilled(t, dir, seed, at, random.IntN(200))
		w.checkCrash(seed, at)
	}
	for name := range w.onDisk() {
		var n int
		w.must(w.db.QueryRowContext(t.Context(), "SELECT count(*) FROM seen WHERE name = ?", name).Scan(&n))
		switch {
		case w.named()[name]:
		case n > 0:
			promised++
		default:
			uploads++
		}
	}
	if limit := int64(kills * 2 * 4); promised+uploads > limit {
		t.Errorf("%d files are left behind, more than the transactions under way had to do with (%d)", promised+uploads, limit)
	}
	return promised, uploads
}

func crashDatabase(dir string) string {
	return filepath.Join(dir, "test.db") + "?_pragma=synchronous(0)&_pragma=busy_timeout(10000)&_txlock=immediate"
}

// runUntilKilled starts a child and kills it after it has reported so many
// steps, unless it kills itself first.
func runUntilKilled(t *testing.T, dir string, seed uint64, at, steps int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashChild$")
	cmd.Env = append(os.Environ(), crashDir+"="+dir, fmt.Sprintf("%s=%d", crashSeed, seed), fmt.Sprintf("%s=%d", crashAt, at))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	reported := bufio.NewReader(out)
	for n := 0; at > 0 || n < steps; n++ {
		line, err := reported.ReadString('\n')
		if err != nil {
			break // it is dead
		}
		if line != "step\n" {
			t.Fatalf("seed %d: the child says %s", seed, line)
		}
	}
	_ = cmd.Process.Kill()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("seed %d: the child was not killed: %v", seed, err)
	}
}

// checkCrash: no row names a file that is gone.
func (w *world) checkCrash(seed uint64, at int) {
	w.t.Helper()
	disk := w.onDisk()
	for name := range w.named() {
		if !disk[name] {
			w.t.Fatalf("seed %d, killed at %d: a row names %s, which is gone", seed, at, name)
		}
	}
}

func (w *world) named() map[string]bool {
	w.t.Helper()
	names := map[string]bool{}
	rows, err := w.db.QueryContext(w.t.Context(), "SELECT coalesce(image, '') FROM record UNION SELECT other FROM record")
	w.must(err)
	defer rows.Close()
	for rows.Next() {
		var name string
		w.must(rows.Scan(&name))
		names[name] = true
	}
	w.must(rows.Err())
	delete(names, "")
	return names
}

func (w *world) onDisk() map[string]bool {
	w.t.Helper()
	names := map[string]bool{}
	w.must(filepath.WalkDir(w.root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(w.root, path)
			names[filepath.ToSlash(rel)] = true
		}
		return err
	}))
	return names
}

// TestCrashChild is the process that is killed: two goroutines that run
// transactions for ever.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv(crashDir)
	if dir == "" {
		t.Skip("TestCrash runs it")
	}
	seed, err := strconv.ParseUint(os.Getenv(crashSeed), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	at, err := strconv.ParseInt(os.Getenv(crashAt), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	w := openWorld(t, references.SQLite, filepath.Join(dir, "media"), crashDatabase(dir), nil)
	w.fail = func(err error) {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	var points atomic.Int64
	point := func() {
		if points.Add(1) == at {
			self, _ := os.FindProcess(os.Getpid())
			_ = self.Kill()
			select {}
		}
	}
	w.spy.point = point
	for g := range 2 {
		go func() {
			c := &crasher{w: w, random: rand.New(rand.NewPCG(seed, uint64(g))), point: point}
			for {
				c.transaction()
				fmt.Println("step")
			}
		}()
	}
	select {}
}

// crasher runs random transactions.
type crasher struct {
	w       *world
	random  *rand.Rand
	point   func()
	uploads []string // for the transaction, that no step has taken
}

func (c *crasher) transaction() {
	c.uploads = nil
	for range c.random.IntN(5) {
		up := c.w.upload(fmt.Sprintf("d%d/f", c.random.IntN(3)))
		defer up.Discard()
		c.uploads = append(c.uploads, up.Name())
	}
	tx := c.w.begin()
	for range 1 + c.random.IntN(3) {
		c.step(tx)
	}
	if c.random.IntN(5) == 0 {
		c.point()
		c.w.must(tx.Tx.Rollback())
		c.point()
		tx.Batch.Rollback()
		return
	}
	_, err := c.w.clean.Commit(c.w.t.Context(), tx.Batch, tx.Tx, func() error {
		c.point()
		defer c.point()
		return tx.Commit()
	})
	c.w.must(err)
}

// upload returns an upload that no step has taken, or none.
func (c *crasher) upload() (name string) {
	if len(c.uploads) > 0 {
		name, c.uploads = c.uploads[0], c.uploads[1:]
	}
	return name
}

func (c *crasher) step(tx *transaction) {
	ids := c.ids(tx)
	if len(ids) < 2 || len(ids) < 20 && c.random.IntN(3) == 0 {
		r := &models.Record{Image: image(c.upload()), Other: c.upload()}
		tx.write(r.AfterCreate, "INSERT INTO record (image, other) VALUES (?, ?)", r.Image, r.Other)
		return
	}
	i := c.random.IntN(len(ids))
	r, old := tx.load(ids[i])
	switch c.random.IntN(5) {
	case 0:
		tx.remove(r, old)
	case 1:
		r.Image = image(c.upload())
		tx.update(r, old)
	case 2: // swap
		r.Image, r.Other = image(r.Other), r.Image.String
		tx.update(r, old)
	case 3: // move to another record
		to, toOld := tx.load(ids[(i+1)%len(ids)])
		to.Other = r.Image.String
		tx.update(to, toOld)
		tx.remove(r, old)
	case 4: // what is rolled back to a savepoint has not happened
		c.w.exec(tx, "SAVEPOINT s")
		s := tx.Savepoint()
		r.Other = c.upload()
		tx.update(r, old)
		c.w.exec(tx, "ROLLBACK TO s")
		c.w.must(tx.RollbackTo(s))
	}
}

func (c *crasher) ids(tx *transaction) (ids []int64) {
	rows, err := tx.QueryContext(c.w.t.Context(), "SELECT id FROM record ORDER BY id")
	c.w.must(err)
	defer rows.Close()
	for rows.Next() {
		var id int64
		c.w.must(rows.Scan(&id))
		ids = append(ids, id)
	}
	c.w.must(rows.Err())
	return ids
}
