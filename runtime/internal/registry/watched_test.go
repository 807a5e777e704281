package registry_test

import (
	"testing"

	"github.com/filecleangen/filecleangen/runtime/internal/registry"
)

// TestWatchedBeforeJournalsAreRead: a batch writes to its journal, and then looks whether
// files are watched. Whoever looked into its journal before, and found nothing, must have
// said so by then: else neither sees the other, and a write that is its own transaction
// is not asked about again.
func TestWatchedBeforeJournalsAreRead(t *testing.T) {
	for name, plan := range map[string]func(r *registry.Registry){
		"plan": func(r *registry.Registry) { r.Plan(0, refs("p")) },
		"discard": func(r *registry.Registry) {
			u, _ := r.Reserve(ref("p"))
			r.Discard(u)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := registry.New()
			var watched []bool
			r.Open(func(_, _ registry.Refs) { watched = append(watched, r.Watched()) })
			plan(r)
			if n := len(watched); n == 0 || !watched[n-1] {
				t.Errorf("watched while the journal was read: %v", watched)
			}
		})
	}
}
