package sweep

import (
	"iter"

	"github.com/filecleangen/filecleangen/internal/sorted"
)

// atOnce is how many names the rows and the outbox are asked about at once.
const atOnce = 1000

// chunks calls do for some texts after the other.
func chunks(all *sorted.Sorter, do func(texts []string) error) error {
	some := make([]string, 0, atOnce)
	for text, err := range all.All() {
		if err != nil {
			return err
		}
		if some = append(some, text); len(some) == atOnce {
			if err := do(some); err != nil {
				return err
			}
			some = some[:0]
		}
	}
	if len(some) == 0 {
		return nil
	}
	return do(some)
}

// pull turns a sequence with errors into a function that returns one element after the
// other, and whether there was one.
func pull[T any](seq iter.Seq2[T, error]) (next func() (T, bool, error), stop func()) {
	pulled, stop := iter.Pull2(seq)
	return func() (T, bool, error) {
		v, err, more := pulled()
		return v, more, err
	}, stop
}
