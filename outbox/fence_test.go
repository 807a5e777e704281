package outbox_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/outbox"
)

func TestMark(t *testing.T) {
	storage := afero.NewMemMapFs()
	for _, id := range []string{"shop-production", "blog", "shop-production"} {
		if err := outbox.Mark(storage, id); err != nil {
			t.Fatal(err)
		}
	}
	text, err := afero.ReadFile(storage, outbox.MarkerName)
	if err != nil || string(text) != "shop-production\nblog\n" {
		t.Errorf("%q, %v", text, err)
	}
	for _, id := range []string{"", " shop", "shop\nblog", "shop # one"} {
		if err := outbox.Mark(storage, id); err == nil || !strings.Contains(err.Error(), "can't be the id of an environment") {
			t.Errorf("%q: %v", id, err)
		}
	}
	if err := outbox.Mark(afero.NewReadOnlyFs(afero.NewMemMapFs()), "shop"); !errors.Is(err, fs.ErrPermission) && err == nil {
		t.Errorf("%v", err)
	}
}
