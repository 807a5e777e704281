package suite

import (
	"context"
	"slices"
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

// kept reports whether a file was last kept, for one of these reasons.
func (e *events) kept(name string, causes []runtime.Cause) bool {
	all := e.of(name)
	return len(all) > 0 && slices.Contains(causes, all[len(all)-1].Cause)
}
