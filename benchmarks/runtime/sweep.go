package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/storage"
	"github.com/filecleangen/filecleangen/sweep"
)

// sweeping compares a scan with the commands by which one would look for orphans by hand:
// find, a query and sort, and comm. One of 50 files has no row, and one of 100 rows no file.
func sweeping(rounds, files int, on string) error {
	return inEachDatabase(on, func(m *mall, root string, media *storage.DirFs) error {
		if m.d == references.MySQL {
			return nil
		}
		if err := m.sweepable(files, root, media); err != nil {
			return err
		}
		plan := filepath.Join(root, "plan")
		jobs := []*job{
			{name: "find, SELECT, sort and comm", run: func() (time.Duration, error) { return m.byCommands(root) }},
			{name: "Scan", run: func() (time.Duration, error) { return m.scan(plan, files) }},
		}
		if err := measure(jobs, rounds); err != nil {
			return err
		}
		table(fmt.Sprintf("%d files and rows, %v", files, m.d), "ms", int(time.Millisecond/time.Microsecond), jobs)
		fmt.Printf("\nmost memory of this process: %d MB\n", mostMemory()>>20)
		return nil
	})
}

// sweepable makes files and rows.
func (m *mall) sweepable(files int, root string, media *storage.DirFs) error {
	ctx := context.Background()
	if err := m.stock(media); err != nil {
		return err
	}
	if err := outbox.Mark(media, "benchmark"); err != nil {
		return err
	}
	old := time.Now().Add(-48 * time.Hour)
	var rows []string
	for i := range files {
		name := fmt.Sprintf("covers/%03x/%08x-%d.png", i/1000, uint32(i)*2654435761, i)
		if i%100 != 50 { // a row without a file
			full := filepath.Join(root, name)
			if i%1000 == 0 {
				if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
					return err
				}
			}
			if err := os.WriteFile(full, nil, 0o600); err != nil {
				return err
			}
			if err := os.Chtimes(full, old, old); err != nil {
				return err
			}
		}
		if i%50 != 1 { // a file without a row
			rows = append(rows, fmt.Sprintf("(%d, 'title', '%s', '')", i, name))
		}
		if len(rows) == 500 || i == files-1 {
			if _, err := m.db.ExecContext(ctx, "INSERT INTO article (id, title, cover, banner) VALUES "+strings.Join(rows, ", ")); err != nil {
				return err
			}
			rows = rows[:0]
		}
	}
	return nil
}

func (m *mall) scan(plan string, files int) (time.Duration, error) {
	s, err := sweep.New(m.box, "benchmark", sweep.Allow(sweep.ManyOrphans, int64(files)))
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	r, err := s.Scan(context.Background(), "media", plan)
	took := time.Since(begun)
	if err == nil && (r.Orphans != int64(files)/50 || r.Dangling != int64(files)/100) {
		err = fmt.Errorf("it is wrong:\n%s", r)
	}
	return took, err
}

// byCommands does by hand what Scan does, but for its safety.
func (m *mall) byCommands(root string) (time.Duration, error) {
	query := "SELECT cover FROM article WHERE cover <> '' UNION ALL SELECT banner FROM article WHERE banner <> ''"
	db := "sqlite3 mall.db \"" + query + "\""
	if m.d == references.PostgreSQL {
		var schema string
		if err := m.db.QueryRowContext(context.Background(), "SELECT current_schema()").Scan(&schema); err != nil {
			return 0, err
		}
		db = "PGOPTIONS='-c search_path=" + schema + "' psql -At postgres://postgres@127.0.0.1:5432/test -c \"" + query + "\""
	}
	script := "export LC_ALL=C; find covers -type f | sort > .files; " + db + " | sort > .rows; comm -3 .files .rows | wc -l"
	c := exec.Command("bash", "-c", script)
	c.Dir = root
	begun := time.Now()
	out, err := c.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, out)
	}
	return time.Since(begun), nil
}

// mostMemory returns the largest resident set of this process, in bytes; 0 where the
// system does not say.
func mostMemory() (n int64) {
	status, _ := os.ReadFile("/proc/self/status")
	if _, rest, found := strings.Cut(string(status), "VmHWM:"); found {
		_, _ = fmt.Sscan(rest, &n)
	}
	return n << 10
}
