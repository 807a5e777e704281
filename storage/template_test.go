package storage_test

import (
	"testing"

	"github.com/filecleangen/filecleangen/storage"
)

func TestCheckTemplate(t *testing.T) {
	for _, good := range []string{"thumbs/{dir}/{stem}.webp", "{dir}/{name}.txt", "{stem}", "x{stem}{ext}", "{dir}/small_{name}"} {
		if err := storage.CheckTemplate(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "thumb.png", "{dir}/x", "{name}", "{dir}/{stem}{ext}", "../{name}", "/{name}", "{name}/", "{Name}", "{stem", "stem}", "{stem}{", "{}{stem}", "a//{stem}", `a\{stem}`} {
		if err := storage.CheckTemplate(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
