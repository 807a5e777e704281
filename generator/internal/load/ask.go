package load

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/filecleangen/filecleangen/generator/internal/diag"
)

// ask asks the go command about packages, never for anything that would have
// to be compiled.
func (l *Loader) ask(patterns []string, mode packages.LoadMode) ([]*packages.Package, diag.Diagnostics, error) {
	config := &packages.Config{Context: l.ctx, Dir: l.dir, Mode: mode}
	if len(l.tags) > 0 {
		config.BuildFlags = []string{"-tags=" + strings.Join(l.tags, ",")}
	}
	found, err := packages.Load(config, patterns...)
	if err != nil {
		return nil, nil, fmt.Errorf("find packages: %w", goCommandError{err})
	}
	var ds diag.Diagnostics
	for _, p := range found {
		if len(p.GoFiles) == 0 && len(p.IgnoredFiles) == 0 {
			for _, e := range p.Errors {
				ds = append(ds, listError(e))
			}
		}
	}
	return found, ds, nil
}

// goCommandError says what the go command said, without how it was called.
type goCommandError struct{ err error }

func (e goCommandError) Error() string {
	_, stderr, ok := strings.Cut(e.err.Error(), "stderr: ")
	if !ok {
		return e.err.Error()
	}
	return strings.TrimSpace(stderr)
}

func (e goCommandError) Unwrap() error { return e.err }

// listError turns what the go command says into a diagnostic.
func listError(e packages.Error) diag.Diagnostic {
	d := diag.Diagnostic{Message: e.Msg}
	if m := listPosition.FindStringSubmatch(e.Pos); m != nil {
		d.Pos.Filename = m[1]
		d.Pos.Line, _ = strconv.Atoi(m[2])
		d.Pos.Column, _ = strconv.Atoi(m[3])
	}
	return d
}

// listPosition matches "file:line:col", "file:line" and "file", but not "-".
var listPosition = regexp.MustCompile(`^(.*?[^-:].*?)(?::(\d+))?(?::(\d+))?$`)
