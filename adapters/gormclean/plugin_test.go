package gormclean

import (
	"context"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/runtime"
)

// A keeper that is nil is an error when the plugin is used, not a panic later, whether it
// is a nil of the interface or of one of its types.
func TestNewWithoutAKeeper(t *testing.T) {
	for name, k := range map[string]runtime.Keeper{
		"nil":         nil,
		"nil cleaner": (*runtime.Cleaner)(nil),
		"nil outbox":  (*outbox.Outbox)(nil),
	} {
		p := New(k, WithReport(nil))
		if err := p.Initialize(nil); err == nil || !strings.Contains(err.Error(), "the outbox or cleaner is nil") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Attach(nil, nil); err == nil || !strings.Contains(err.Error(), "the outbox is nil") {
		t.Errorf("%v", err)
	}
}

// Reports without files are not passed on, nor is one that there is not.
func TestOnlyReportsWithFilesArePassedOn(t *testing.T) {
	var told []*runtime.Report
	o := optionsOf([]Option{WithReport(func(_ context.Context, r *runtime.Report) { told = append(told, r) })})
	with := &runtime.Report{Files: []runtime.Result{{Status: runtime.Kept}}}
	for _, r := range []*runtime.Report{nil, {Outcome: runtime.Committed}, with} {
		o.report.tell(t.Context(), r)
		optionsOf(nil).report.tell(t.Context(), r) // where nobody asked for them
	}
	if len(told) != 1 || told[0] != with {
		t.Errorf("%v", told)
	}
}
