package outbox

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/runtime"
)

// Nothing is kept for a log that nobody reads, but for what somebody should look at.
func TestNotesForALevelThatIsOff(t *testing.T) {
	r := &Relay{logger: slog.New(slog.NewTextHandler(&bytes.Buffer{}, nil)), attempts: 2}
	c, some := &claim{}, &row{storage: "media", name: "a"}
	r.noteNamed(t.Context(), c, []*row{some})
	r.noteAgain(t.Context(), c, fate{message: "failed", row: some})
	if len(c.fates) != 0 {
		t.Errorf("%+v", c.fates)
	}
	r.noteAgain(t.Context(), c, fate{loud: true, message: "failed", row: some})
	if len(c.fates) != 1 || c.fates[0].became != waits {
		t.Errorf("%+v", c.fates)
	}
}

// A line says of a file what is known of it, in the words of the cleaner's lines.
func TestLogFate(t *testing.T) {
	typ := &runtime.Type{Name: "shop.Article", Package: "example.com/shop", Fields: []runtime.Field{{Path: "Cover"}}}
	var out bytes.Buffer
	r := &Relay{
		logger: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})), attempts: 2,
		fields: map[fieldID]known{{"example.com/shop.Article", "Cover"}: {typ, &typ.Fields[0]}},
	}
	for want, of := range map[string]*row{
		`name=a reason=deleted field=shop.Article.Cover key=article/7 row=parked`: {model: "example.com/shop.Article", field: "Cover", record: "article/7"},
		`name=a reason=deleted field=example.com/shop.Other.File row=parked`:      {model: "example.com/shop.Other", field: "File"},
		`name=a reason=deleted derived_from=b row=parked`:                         {derivedFrom: "b"},
		`name=a reason=deleted row=parked`:                                        {},
	} {
		of.storage, of.name, of.reason, of.attempts = "media", "a", "deleted", 2
		c := &claim{}
		r.noteAgain(t.Context(), c, fate{message: "failed", row: of})
		out.Reset()
		r.logFate(t.Context(), &c.fates[0])
		if got := strings.Replace(out.String(), " attempts=2", "", 1); !strings.HasSuffix(got, ` msg="failed; it is parked" storage=media `+want+"\n") {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}
