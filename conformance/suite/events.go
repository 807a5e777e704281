package suite

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/filecleangen/filecleangen/runtime"
)

// events is what an observer was told, and what a story has it do then.
type events struct {
	mu            sync.Mutex
	before, after []runtime.Event

	onBefore func(runtime.Event) error
	onAfter  func(runtime.Event)
}

func (e *events) observer() runtime.Observer {
	return runtime.Observer{
		Before: func(_ context.Context, event runtime.Event) error {
			e.note(&e.before, event)
			if e.onBefore != nil {
				return e.onBefore(event)
			}
			return nil
		},
		After: func(_ context.Context, event runtime.Event) {
			e.note(&e.after, event)
			if e.onAfter != nil {
				e.onAfter(event)
			}
		},
	}
}

func (e *events) note(in *[]runtime.Event, event runtime.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	*in = append(*in, event)
}

// of returns what was told of a file when it was known what became of it.
func (e *events) of(name string) (all []runtime.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, event := range e.after {
		if event.Ref.Name == name {
			all = append(all, event)
		}
	}
	return all
}

// kept reports whether a file was kept, for one of these reasons. It need not be the
// last that was told of it: where transactions run at the same time, observers are not
// told in the order of the commits.
func (e *events) kept(name string, causes []runtime.Cause) bool {
	return slices.ContainsFunc(e.of(name), func(event runtime.Event) bool { return slices.Contains(causes, event.Cause) })
}

// said is what became of a file, and why, each time.
func (e *events) said(name string) (all []string) {
	for _, event := range e.of(name) {
		all = append(all, strings.TrimSpace(string(event.Status)+" "+string(event.Cause)))
	}
	return all
}
