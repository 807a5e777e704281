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
	before, after []runtime.Result

	onBefore func(runtime.Result) error
	onAfter  func(runtime.Result)
}

func (e *events) observer() runtime.Observer {
	return runtime.Observer{
		Before: func(_ context.Context, result runtime.Result) error {
			e.note(&e.before, result)
			if e.onBefore != nil {
				return e.onBefore(result)
			}
			return nil
		},
		After: func(_ context.Context, result runtime.Result) {
			e.note(&e.after, result)
			if e.onAfter != nil {
				e.onAfter(result)
			}
		},
	}
}

func (e *events) note(in *[]runtime.Result, result runtime.Result) {
	e.mu.Lock()
	defer e.mu.Unlock()
	*in = append(*in, result)
}

// of returns what was told of a file when it was known what became of it.
func (e *events) of(name string) (all []runtime.Result) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, result := range e.after {
		if result.Ref.Name == name {
			all = append(all, result)
		}
	}
	return all
}

// kept reports whether a file was kept, for one of these reasons. It need not be the
// last that was told of it: where transactions run at the same time, observers are not
// told in the order of the commits.
func (e *events) kept(name string, causes []runtime.Cause) bool {
	return slices.ContainsFunc(e.of(name), func(result runtime.Result) bool { return slices.Contains(causes, result.Cause) })
}

// said is what became of a file, and why, each time.
func (e *events) said(name string) (all []string) {
	for _, result := range e.of(name) {
		all = append(all, strings.TrimSpace(string(result.Status)+" "+string(result.Cause)))
	}
	return all
}
