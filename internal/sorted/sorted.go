// Package sorted sorts more texts than fit into memory.
package sorted

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"os"
	"slices"
)

// Sorter sorts texts by their bytes, without duplicates. What is more than its limit
// of bytes it keeps in temporary files. It is for one goroutine at a time.
type Sorter struct {
	limit int
	size  int
	texts []string
	files []*os.File
}

// overhead is about what a text takes in memory beside its bytes.
const overhead = 16

// New returns a sorter that keeps about so many bytes in memory. Close it.
func New(limit int) *Sorter { return &Sorter{limit: limit} }

// Add adds a text.
func (s *Sorter) Add(text string) error {
	s.texts = append(s.texts, text)
	if s.size += len(text) + overhead; s.size < s.limit {
		return nil
	}
	return s.spill()
}

// spill writes the texts in memory to a file, sorted.
func (s *Sorter) spill() (err error) {
	f, err := os.CreateTemp("", "filecleangen-*")
	if err != nil {
		return err
	}
	_ = os.Remove(f.Name()) // where the system lets it go while it is open
	s.files = append(s.files, f)
	w := bufio.NewWriter(f)
	var length [binary.MaxVarintLen64]byte
	for _, text := range s.distinct() {
		n := binary.PutUvarint(length[:], uint64(len(text)))
		if _, err = w.Write(length[:n]); err == nil {
			_, err = w.WriteString(text)
		}
		if err != nil {
			return err
		}
	}
	s.texts, s.size = nil, 0
	return w.Flush()
}

func (s *Sorter) distinct() []string {
	slices.Sort(s.texts)
	return slices.Compact(s.texts)
}

// All returns the texts in order. Nothing can be added any more.
func (s *Sorter) All() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		runs := runs{&run{texts: s.distinct()}}
		for _, f := range s.files {
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				yield("", err)
				return
			}
			runs = append(runs, &run{file: bufio.NewReader(f)})
		}
		if err := runs.start(); err != nil {
			yield("", err)
			return
		}
		last, started := "", false
		for len(runs) > 0 {
			text := runs[0].text
			if !started || text != last {
				if !yield(text, nil) {
					return
				}
				last, started = text, true
			}
			if err := runs.next(); err != nil {
				yield("", err)
				return
			}
		}
	}
}

// Close removes the temporary files.
func (s *Sorter) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
		if err := os.Remove(f.Name()); !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	s.files = nil
	return errors.Join(errs...)
}

// run is texts in order, in memory or in a file, and the next of them.
type run struct {
	texts []string
	file  *bufio.Reader
	text  string
}

// next reads the next text; it is io.EOF if there is none.
func (r *run) next() error {
	if r.file == nil {
		if len(r.texts) == 0 {
			return io.EOF
		}
		r.text, r.texts = r.texts[0], r.texts[1:]
		return nil
	}
	n, err := binary.ReadUvarint(r.file)
	if err != nil {
		return err
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r.file, text); err != nil {
		return errors.Join(errors.New("a temporary file is cut off"), err)
	}
	r.text = string(text)
	return nil
}

// runs is a heap of runs by their next text.
type runs []*run

func (r runs) Len() int           { return len(r) }
func (r runs) Less(i, j int) bool { return cmp.Less(r[i].text, r[j].text) }
func (r runs) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *runs) Push(x any)        { *r = append(*r, x.(*run)) }
func (r *runs) Pop() any          { last := (*r)[len(*r)-1]; *r = (*r)[:len(*r)-1]; return last }

// start reads the first text of each run.
func (r *runs) start() error {
	full := (*r)[:0]
	for _, run := range *r {
		switch err := run.next(); {
		case err == nil:
			full = append(full, run)
		case !errors.Is(err, io.EOF):
			return err
		}
	}
	*r = full
	heap.Init(r)
	return nil
}

// next goes on from the first text.
func (r *runs) next() error {
	err := (*r)[0].next()
	if err == nil {
		heap.Fix(r, 0)
		return nil
	}
	heap.Pop(r)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
