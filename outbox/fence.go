package outbox

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/afero"

	"github.com/filecleangen/filecleangen/storage"
)

// MarkerName is the name of the file, in the root of each storage, that says which
// environments own the storage: their ids, each on a line of its own.
const MarkerName = storage.MarkerName

// ErrFence is wrapped by errors about storages whose marker does not carry the
// environment id of this process. Nothing is deleted in them.
var ErrFence = errors.New("filecleangen: the storage is not this environment's")

// errNoMarkerRead says that a marker could not be read, which may pass.
var errNoMarkerRead = errors.New("its marker can't be read")

// Mark makes a storage this environment's, beside those whose it is already: call
// it once, by hand or from a deployment, not from the program that deletes. The id
// says which database and which stage it is, such as "shop-production", and must
// not be kept in the database: a copy of that would take it along.
func Mark(storage afero.Fs, environment string) error {
	if err := checkEnvironment(environment); err != nil {
		return err
	}
	owners, err := owners(storage)
	if err != nil {
		return fmt.Errorf("filecleangen: marking a storage: %w", err)
	}
	if slices.Contains(owners, environment) {
		return nil
	}
	text := strings.Join(append(owners, environment), "\n") + "\n"
	if err := afero.WriteFile(storage, MarkerName, []byte(text), 0o644); err != nil {
		return fmt.Errorf("filecleangen: marking a storage: %w", err)
	}
	return nil
}

func checkEnvironment(id string) error {
	if id == "" || strings.TrimSpace(id) != id || strings.ContainsAny(id, "\n\r#") {
		return fmt.Errorf("filecleangen: %q can't be the id of an environment: it must be one line without # and spaces around", id)
	}
	return nil
}

// owners returns the environments that own a storage. Empty lines and those that
// begin with # are none.
func owners(storage afero.Fs) (ids []string, err error) {
	text, err := afero.ReadFile(storage, MarkerName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", MarkerName, err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			ids = append(ids, line)
		}
	}
	return ids, nil
}

// checkFence makes sure that a storage is this environment's.
func checkFence(storage afero.Fs, name, environment string) error {
	ids, err := owners(storage)
	switch {
	case err != nil:
		return fmt.Errorf("%w: storage %q: %w: %w", ErrFence, name, errNoMarkerRead, err)
	case slices.Contains(ids, environment):
		return nil
	case len(ids) == 0:
		return fmt.Errorf("%w: storage %q has no file %s in its root, so nothing is deleted in it. If it belongs to %q, call outbox.Mark once, or write that id into the file", ErrFence, name, MarkerName, environment)
	}
	return fmt.Errorf("%w: storage %q belongs to %s, and this process runs for %q, so nothing is deleted in it. Is it connected to another environment's storage?", ErrFence, name, strings.Join(ids, ", "), environment)
}
