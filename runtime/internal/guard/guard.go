// Package guard runs what others wrote, so that a panic in it is an error like any other.
// It knows of nothing else.
package guard

import "fmt"

// Call calls f and turns a panic into an error.
func Call(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			if cause, ok := p.(error); ok {
				err = fmt.Errorf("panic: %w", cause)
			}
		}
	}()
	return f()
}
