package sweep

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Report says what a scan found.
type Report struct {
	Storage     string    `json:"storage"`
	Environment string    `json:"environment"`
	Started     time.Time `json:"started"`
	Cutoff      time.Time `json:"cutoff"` // files that were written later are no orphans
	From        string    `json:"from,omitempty"`
	To          string    `json:"to,omitempty"`

	Files int64 `json:"files"` // in the storage, the marker included
	Rows  int64 `json:"rows"`  // different names that rows have
	Named int64 `json:"named"` // files that rows name, or that are derived from such

	Orphans       int64            `json:"orphans"`
	OrphanBytes   int64            `json:"orphan_bytes"`
	OrphansShown  []string         `json:"orphans_shown,omitempty"` // some of them; the plan has all
	Newest        time.Time        `json:"newest_orphan,omitzero"`
	Dangling      int64            `json:"dangling"`
	DanglingShown []Dangling       `json:"dangling_shown,omitempty"` // some of them; the plan has all
	Kept          map[Kept]int64   `json:"kept,omitempty"`           // files that no row of the list names, and that are no orphans
	Foreign       map[string]Group `json:"foreign,omitempty"`        // those of shapes that no row's name has, by shape
	Refused       []Refusal        `json:"refused,omitempty"`        // what speaks against a plan

	ahead time.Duration // of the storage's clock
}

// A Group is files with something in common.
type Group struct {
	Files   int64  `json:"files"`
	Bytes   int64  `json:"bytes"`
	Example string `json:"example"`
}

// shownInReport is how many names a report shows, and mostForeign how many shapes of
// foreign files it keeps apart.
const (
	shownInReport = 20
	mostForeign   = 100
	otherShapes   = "…"
)

func (r *Report) orphan(name string, info fs.FileInfo) {
	r.Orphans++
	r.OrphanBytes += info.Size()
	if info.ModTime().After(r.Newest) {
		r.Newest = info.ModTime()
	}
	if len(r.OrphansShown) < shownInReport {
		r.OrphansShown = append(r.OrphansShown, name)
	}
}

func (r *Report) foreign(shape, name string, size int64) {
	if _, known := r.Foreign[shape]; !known && len(r.Foreign) >= mostForeign {
		shape = otherShapes
	}
	g := r.Foreign[shape]
	if g.Example == "" {
		g.Example = name
	}
	g.Files++
	g.Bytes += size
	r.Foreign[shape] = g
}

// future takes note of a file that was written later than now.
func (r *Report) future(at, now time.Time) { r.ahead = max(r.ahead, at.Sub(now)) }

// String returns the report for people, some lines long.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "storage %s (%s): %d files, %d of them named by rows; %d different names in rows\n", r.Storage, r.Environment, r.Files, r.Named, r.Rows)
	fmt.Fprintf(&b, "orphans, files that no row names, older than %s: %d, %s\n", r.Cutoff.UTC().Format(time.RFC3339), r.Orphans, bytesIn(r.OrphanBytes))
	for _, name := range r.OrphansShown {
		fmt.Fprintf(&b, "    %q\n", name)
	}
	more(&b, r.Orphans, len(r.OrphansShown))
	fmt.Fprintf(&b, "dangling names, of which there is no file: %d\n", r.Dangling)
	for _, d := range r.DanglingShown {
		fmt.Fprintf(&b, "    %q", d.Name)
		for _, row := range d.Rows {
			fmt.Fprintf(&b, " %s.%s of %s", row.Table, row.Column, row.Key)
		}
		b.WriteByte('\n')
	}
	more(&b, r.Dangling, len(r.DanglingShown))
	for _, why := range slices.Sorted(maps.Keys(r.Kept)) {
		fmt.Fprintf(&b, "kept, %s: %d\n", why, r.Kept[why])
	}
	for _, shape := range slices.Sorted(maps.Keys(r.Foreign)) {
		g := r.Foreign[shape]
		fmt.Fprintf(&b, "    %q: %d files, %s, such as %q\n", shape, g.Files, bytesIn(g.Bytes), g.Example)
	}
	for _, refused := range r.Refused {
		fmt.Fprintf(&b, "REFUSED (%s): %s\n", refused.Why, refused)
	}
	return b.String()
}

func more(b *strings.Builder, n int64, shown int) {
	if rest := n - int64(shown); rest > 0 {
		fmt.Fprintf(b, "    and %d more, in the plan\n", rest)
	}
}

func bytesIn(n int64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, i := float64(n)/unit, 0
	for ; value >= unit && i < len("kMGTP")-1; i++ {
		value /= unit
	}
	return fmt.Sprintf("%.1f %cB", value, "kMGTP"[i])
}
