package runtime_test

import (
	"testing"

	"github.com/filecleangen/filecleangen/runtime"
)

func TestCheckTemplate(t *testing.T) {
	for _, good := range []string{"thumbs/{dir}/{stem}.webp", "{dir}/{name}.txt", "{stem}", "x{stem}{ext}", "{dir}/small_{name}"} {
		if err := runtime.CheckTemplate(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "thumb.png", "{dir}/x", "{name}", "{dir}/{stem}{ext}", "../{name}", "/{name}", "{name}/", "{Name}", "{stem", "stem}", "{stem}{", "{}{stem}", "a//{stem}", `a\{stem}`} {
		if err := runtime.CheckTemplate(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
