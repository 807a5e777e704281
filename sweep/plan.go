package sweep

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/filecleangen/filecleangen/references"
)

// A plan is a file of JSON lines: what was scanned, a line for each thing that was found,
// and the report, without which it is not complete.
const planVersion = 1

// header is the first line of a plan.
type header struct {
	Version     int       `json:"plan"`
	Storage     string    `json:"storage"`
	Environment string    `json:"environment"`
	Outbox      string    `json:"outbox"`  // the random id of the database's outbox
	Columns     string    `json:"columns"` // a hash of what names files of the storage
	Run         string    `json:"run"`
	Started     time.Time `json:"started"`
	Cutoff      time.Time `json:"cutoff"`
}

// kinds of lines.
const (
	isOrphan   = "orphan"
	isDangling = "dangling"
	isKept     = "kept"
	isReport   = "report"
)

// line is what was found of one name, or the report.
type line struct {
	Kind     string              `json:"kind"`
	Name     string              `json:"name,omitempty"`
	Size     int64               `json:"size,omitempty"`
	Modified time.Time           `json:"modified,omitzero"`
	Rows     []references.Holder `json:"rows,omitempty"`
	Why      Kept                `json:"why,omitempty"`
	Report   *Report             `json:"report,omitempty"`
}

func newRun(at time.Time) string { return at.UTC().Format("20060102T150405Z") + "-" + rand.Text()[:6] }

// planWriter writes a plan, in the place of which there is nothing, or what was there, until
// it is finished.
type planWriter struct {
	path string
	file *os.File
	to   *bufio.Writer
}

func createPlan(path string, h header) (*planWriter, error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return nil, fmt.Errorf("writing the plan: %w", err)
	}
	w := &planWriter{path, f, bufio.NewWriter(f)}
	if err := w.encode(h); err != nil {
		w.abandon()
		return nil, err
	}
	return w, nil
}

func (w *planWriter) encode(v any) error {
	text, err := json.Marshal(v)
	if err == nil {
		_, err = w.to.Write(append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	return nil
}

func (w *planWriter) write(l line) error { return w.encode(l) }

// finish puts the plan into its place.
func (w *planWriter) finish(r *Report) error {
	err := w.write(line{Kind: isReport, Report: r})
	if err == nil {
		err = errors.Join(w.to.Flush(), w.file.Sync(), w.file.Close())
	}
	if err == nil {
		err = os.Rename(w.file.Name(), w.path)
	}
	if err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	return nil
}

// abandon removes what was written, if it is not finished.
func (w *planWriter) abandon() {
	_ = w.file.Close()
	_ = os.Remove(w.file.Name())
}

// readPlan returns the beginning and the end of a plan.
func readPlan(path string) (h header, r *Report, err error) {
	for l, err := range lines(path, &h) {
		if err != nil {
			return h, nil, err
		}
		if r != nil {
			return h, nil, fmt.Errorf("%s has something behind its report", path)
		}
		r = l.Report
	}
	if r == nil {
		return h, nil, fmt.Errorf("%s is no plan, or is cut off: it has no report at its end", path)
	}
	return h, r, nil
}

// lines yields the lines of a plan behind its first, which it decodes.
func lines(path string, h *header) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(line{}, err)
			return
		}
		defer func() { _ = f.Close() }()
		in := json.NewDecoder(bufio.NewReader(f))
		if err := in.Decode(h); err != nil || h.Version != planVersion {
			yield(line{}, errors.Join(fmt.Errorf("%s is no plan of version %d", path, planVersion), err))
			return
		}
		for {
			var l line
			err := in.Decode(&l)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}
