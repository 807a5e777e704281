package outbox_test

import (
	"bufio"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/conformance/outbox/models"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// Four processes share 20,000 rows: each file is deleted once, but for those that
// rows name after all.
func TestFourRelays(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		const files, kept = 20_000, 100
		w := newWorld(t, d, settings{})
		var names []string
		for i := range files {
			names = append(names, fmt.Sprintf("%02d/%05d", i%100, i))
		}
		w.write(names...)
		w.commit(func(tx *transaction) {
			tx.insert(&models.Album{ID: 1, Pages: names[:kept]})
			tx.insert(&models.Album{ID: 2})
		})
		w.commit(func(tx *transaction) {
			all := models.AlbumFiles{Pages: names}
			w.must(tx.try(func(b *runtime.Batch) { all.LogDelete(b, runtime.IntKey(2)) }, "DELETE FROM album WHERE id = 2"))
		})

		var begin []func()
		var wait []func() (removed []string)
		for range 4 {
			cmd, in, out := w.child(childTask{Do: "drain"})
			if line, err := out.ReadString('\n'); err != nil || line != "ready\n" {
				t.Fatalf("the child says %q, %v", line, err)
			}
			begin = append(begin, func() { fmt.Fprintln(in) })
			wait = append(wait, func() (removed []string) {
				for lines := bufio.NewScanner(out); lines.Scan(); {
					removed = append(removed, lines.Text())
				}
				w.must(cmd.Wait())
				return removed
			})
		}
		for _, do := range begin {
			do()
		}
		times := map[string]int{}
		var shares []int
		for _, do := range wait {
			removed := do()
			shares = append(shares, len(removed))
			for _, name := range removed {
				times[name]++
			}
		}
		t.Logf("files deleted by each process: %v", shares)
		w.wantStats(0, 0)
		w.want(strings.Join(slices.Sorted(slices.Values(names[:kept])), " "))
		for i, name := range names {
			if want := min(1, max(0, i-kept+1)); times[name] != want {
				t.Errorf("%s was deleted %d times, want %d", name, times[name], want)
			}
		}
	})
}
