package suite

import (
	"slices"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
)

// A story is something that applications do. After it the files must be those that
// rows name.
type story struct {
	name    string // the case's id, and what happens
	needs   []Ability
	servers bool // it is about transactions that run beside each other: SQLite has one writer at a time
	tell    func(w *World)
}

var stories = slices.Concat(
	replaceStories, staleStories, deleteStories, moveStories, bulkStories,
	rollbackStories, savepointStories, uploadStories, goneStories, storageStories, observerStories, overtakenStories, togetherStories,
)

// Run tells all stories of a layer, on each of its databases.
func Run(t *testing.T, a Adapter) {
	t.Helper()
	dialects := a.Dialects
	if dialects == nil {
		dialects = []references.Dialect{references.SQLite, references.PostgreSQL, references.MySQL}
	}
	databases.On(t, func(t *testing.T, d references.Dialect) {
		for _, s := range stories {
			if s.servers && d == references.SQLite {
				continue
			}
			t.Run(s.name, func(t *testing.T) {
				for _, ability := range s.needs {
					if why, cannot := a.Cannot[ability]; cannot {
						t.Skipf("the layer has no %s: %s", ability, why)
					}
				}
				w := newWorld(t, d)
				w.layer = a.Open(w)
				s.tell(w)
				w.check()
			})
		}
	}, dialects...)
}
