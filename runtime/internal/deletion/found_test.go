package deletion

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/filecleangen/filecleangen/storage"
)

// TestDerivedNeverGoesFirst: a derived file does not go while the file stays that it is
// derived from, why ever that does.
func TestDerivedNeverGoesFirst(t *testing.T) {
	for name, remove := range map[string]func() error{
		"unsupported": func() error { return errors.ErrUnsupported },
		"hangs":       func() error { time.Sleep(time.Hour); return errDown },
		"down":        func() error { return errDown },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDisk(func(name string) error {
					if name == "p" {
						return remove()
					}
					return nil
				}, "p", "t")
				b := newBench(d, retrying(3))
				first := b.delete("t<p", "p")
				time.Sleep(5 * time.Hour)
				synctest.Wait()
				if got := d.diary(); strings.Contains(got, "t") {
					t.Errorf("removed: %q; first %s, then %v", got, first, b.retried)
				}
				if n := b.Waiting(); n > 0 {
					t.Errorf("%d files wait", n)
				}
				if n := len(b.registry.Pending()); n > 0 {
					t.Errorf("pending: %v", b.registry.Pending())
				}
			})
		})
	}
}

// both is a storage of which one call has failed for some files, and another for all.
type both struct{ *disk }

func (both) MaxRemove() int { return 0 }

func (both) RemoveMany(context.Context, []string) error {
	return errors.Join(&storage.RemoveManyError{Failed: map[string]error{"p": errDown}}, errDown)
}

// TestSomeErrorsAmongOthers: what a storage says of some files, beside another error, is
// not what became of the others.
func TestSomeErrorsAmongOthers(t *testing.T) {
	b := newBench(both{newDisk(nil, "p", "q")}, nil)
	if got := b.delete("p", "q"); got != "p failed, q failed" {
		t.Error(got)
	}
}
