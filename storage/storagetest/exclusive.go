package storagetest

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/filecleangen/filecleangen/storage"
)

// Exclusive says that the storage is to be given runtime.Exclusive(): uploads rely on it
// to create exclusively, as if it said so itself.
func Exclusive() Option {
	return func(e *examination) { e.exclusive = true }
}

// notExclusive says what it means that a storage does not create exclusively. Where
// uploads rely on it, two of them get one file: the second overwrites the first, and
// whoever of them gives it up removes the other's.
func (e *examination) notExclusive(err error) error {
	if e.exclusive {
		return &means{Unsafe, fmt.Errorf("%w; uploads of two get one name, and one removes the file of the other", err)}
	}
	return &means{Note, fmt.Errorf("%w; uploads get unique names; don't give it runtime.Exclusive()", err)}
}

func exclusive(e *examination) error {
	full, err := e.write("exclusive")
	if err != nil {
		return err
	}
	f, err := storage.CreateNew(e.Fs, full)
	if err == nil {
		_ = f.Close()
		return e.notExclusive(errors.New("it was opened"))
	}
	if lost := e.intact("exclusive"); lost != nil { // it was said that nothing is done to it
		return &means{Unsafe, fmt.Errorf("it was refused, and yet: %w", lost)}
	}
	if !errors.Is(err, fs.ErrExist) { // what an upload could not make is taken for its own
		return e.notExclusive(fmt.Errorf("the error is not fs.ErrExist: %w", err))
	}
	return nil
}

func exclusiveRace(e *examination) error {
	if err := e.MkdirAll(path.Join(e.dir, "race"), 0o755); err != nil {
		return err
	}
	// A race may be seldom lost: many tries, as long as they are cheap.
	for i, begun := 0, time.Now(); i < 50 || i < 5000 && time.Since(begun) < time.Second; i++ {
		if err := e.race(path.Join(e.dir, "race", strconv.Itoa(i))); err != nil {
			return err
		}
	}
	return nil
}

// race has several goroutines create one file.
func (e *examination) race(full string) error {
	const runners = 8
	var created atomic.Int32
	start := make(chan struct{})
	go close(start)
	err := inParallel(runners, func(int) error {
		<-start
		f, err := storage.CreateNew(e.Fs, full)
		if errors.Is(err, fs.ErrExist) {
			return nil // another was first
		}
		if err != nil {
			return err
		}
		created.Add(1)
		return f.Close()
	})
	switch n := created.Load(); {
	case n > 1:
		return e.notExclusive(fmt.Errorf("%d of %d goroutines have created the same file", n, runners))
	case n == 0:
		return fmt.Errorf("none has: %w", err)
	case err != nil: // what an upload could not make is taken for its own
		return e.notExclusive(fmt.Errorf("another was first, and the error is not fs.ErrExist: %w", err))
	}
	return e.Remove(full)
}
