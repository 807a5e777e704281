package suite

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/filecleangen/filecleangen/conformance/suite/models"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// Storages that fail, and names that don't reach one.
var storageStories = []story{
	{name: "C21 fails", tell: func(w *World) {
		w.media.fail = errors.New("disk on fire")
		w.stay("q")
		w.given(&models.Article{ID: 1, Cover: "p", Base: banner("q")})
		w.change(1, func(a *models.Article) { a.Banner = nil })
		w.want("1 cover=p")
		w.settle()
		log := w.logs.String()
		if strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, "name=q") || !strings.Contains(log, "Banner") || !strings.Contains(log, "disk on fire") {
			w.T.Errorf("log:\n%s", log)
		}
		if told := w.events.of("q"); len(told) != 1 || told[0].Status != runtime.Failed || !errors.Is(told[0].Err, w.media.fail) {
			w.T.Errorf("%+v", told)
		}
	}},
	{name: "E26 a name that leaves it", tell: func(w *World) {
		outside := filepath.Join(w.root, "..", "x")
		w.Must(os.WriteFile(outside, nil, 0o644))
		w.given(&models.Article{ID: 1, Cover: "../x", Base: banner("q")})
		w.change(1, func(a *models.Article) { a.Cover = "" })
		w.settle()
		if _, err := os.Stat(outside); err != nil {
			w.T.Error(err)
		}
		w.want("1 banner=q")
		if w.triggers {
			return // they release the name in the storage that it is likely to mean
		}
		if n := w.media.calls.Load(); n > 0 {
			w.T.Errorf("the storage was asked %d times", n)
		}
		if told := w.events.of("../x"); len(told) != 1 || told[0].Status != runtime.Kept || told[0].Cause != runtime.UnsafeName || !errors.Is(told[0].Err, storage.ErrBadName) {
			w.T.Errorf("%+v", told)
		}
	}},
}
