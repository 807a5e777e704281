package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/conformance/internal/logs"
	"github.com/filecleangen/filecleangen/conformance/outbox/models"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// stubborn is a storage that does not delete one file.
type stubborn struct{ afero.Fs }

func (s stubborn) Remove(name string) error {
	if name == "bad" {
		return errors.New("disk on fire")
	}
	return s.Fs.Remove(name)
}

// From the relay's lines at the level Debug it can be known what became of each file:
// there is one for each change of its row, with who let go of it. At Info there is one
// for all that rows name.
func TestRelayLogsWhatBecameOfEachFile(t *testing.T) {
	said := logs.New()
	veto := runtime.Observer{Before: func(_ context.Context, e runtime.Result) error {
		if e.Ref.Name == "kept" {
			return errors.New("no")
		}
		return nil
	}}
	w := newWorld(t, references.SQLite, settings{
		cleaner: []runtime.Option{runtime.WithObserver(veto)},
		wrap:    func(fs afero.Fs) afero.Fs { return stubborn{fs} },
		relay:   []outbox.RelayOption{outbox.WithRelayLogger(said.DebugLogger()), outbox.WithAttempts(2, 0, 0)},
	})
	w.write("bad", "gone", "kept", "named", "stuck")
	a := &models.Album{ID: 7, Pages: []string{"bad", "gone", "kept", "named"}}
	w.commit(func(tx *transaction) {
		tx.insert(a)
		tx.insert(&models.Album{ID: 8, Cover: "named"})
	})
	w.commit(func(tx *transaction) { tx.remove(a) })
	w.exec("INSERT INTO filecleangen_outbox (storage, name, reason, unfinished, attempts) VALUES ('media', 'stuck', 'deleted', 1, 2)")
	w.drain()
	w.want("bad kept named stuck")

	const who = "reason=deleted field=models.Album.Pages key=7"
	want := []string{
		`DEBUG bad ` + who + ` error="disk on fire" attempts=1 row=waits`,
		`DEBUG bad ` + who + ` error="disk on fire" attempts=2 row=parked`,
		`DEBUG gone ` + who + ` row=gone`,
		`DEBUG kept ` + who + ` cause=vetoed row=dropped`,
		`DEBUG named ` + who + ` row=dropped`,
		`ERROR stuck reason=deleted attempts=2 row=parked`,
		`INFO storage=media taken=4 named=1 uploads=0 postponed=0`,
	}
	if got := linesOf(said.String()); !slices.Equal(got, want) {
		t.Errorf("logged:\n%s\nwant:\n%s\nas it is:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), said)
	}
	if text := w.logs.String(); !strings.Contains(text, "files of the outbox were deleted") {
		t.Errorf("the cleaner did not sum up what it deleted:\n%s", text)
	}
}

// linesOf returns what lines say beside the words for people, sorted.
func linesOf(text string) (lines []string) {
	line := regexp.MustCompile(`level=(\w+) msg=(?:"[^"]*"|\S+) (.*)`)
	for _, found := range line.FindAllStringSubmatch(text, -1) {
		rest := strings.Replace(found[2], "storage=media name=", "", 1)
		lines = append(lines, fmt.Sprintf("%s %s", found[1], rest))
	}
	slices.Sort(lines)
	return lines
}
