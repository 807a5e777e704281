// Package logs keeps what is logged in tests.
package logs

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
)

// Buffer keeps what is written to it, from any number of goroutines.
type Buffer struct {
	mu      sync.Mutex
	b       bytes.Buffer
	written chan struct{} // closed by the next write
}

// New returns an empty buffer.
func New() *Buffer { return &Buffer{written: make(chan struct{})} }

// Logger returns a logger that writes to the buffer.
func (l *Buffer) Logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// DebugLogger returns a logger that writes to the buffer also what is for the level Debug.
func (l *Buffer) DebugLogger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Write adds to what is kept.
func (l *Buffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.written)
	l.written = make(chan struct{})
	return l.b.Write(p)
}

// WaitFor returns when a text was written.
func (l *Buffer) WaitFor(text string) {
	for {
		l.mu.Lock()
		has, written := strings.Contains(l.b.String(), text), l.written
		l.mu.Unlock()
		if has {
			return
		}
		<-written
	}
}

// Reset forgets what was written.
func (l *Buffer) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}

// String returns what was written.
func (l *Buffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
