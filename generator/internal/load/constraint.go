package load

import (
	"bytes"
	"go/build/constraint"
	"path/filepath"
	"slices"
	"strings"
)

// The operating systems and architectures that a file name can end in: a list
// that the go command no longer adds to (internal/syslist).
var (
	knownOS = []string{"linux", "windows", "darwin", "aix", "android", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js",
		"nacl", "netbsd", "openbsd", "plan9", "solaris", "wasip1", "zos"}
	knownArch = []string{"amd64", "arm64", "386", "amd64p32", "arm", "armbe", "arm64be", "loong64", "mips", "mipsle", "mips64",
		"mips64le", "mips64p32", "mips64p32le", "ppc", "ppc64", "ppc64le", "riscv", "riscv64", "s390", "s390x", "sparc", "sparc64", "wasm"}
	notUnix = []string{"windows", "js", "nacl", "plan9", "wasip1", "zos"}
	// implied are tags that hold beside that of the operating system.
	implied = map[string]string{"android": "linux", "illumos": "solaris", "ios": "darwin"}
)

// constraintOf returns the build constraint of a file: that of its name and
// that in its text, together. Nil is none.
func constraintOf(path string, text []byte) (constraint.Expr, error) {
	fromText, err := constraintIn(text)
	fromName := constraintInName(filepath.Base(path))
	if fromName != nil && fromText != nil {
		return &constraint.AndExpr{X: fromName, Y: fromText}, err
	}
	if fromName != nil {
		return fromName, err
	}
	return fromText, err
}

// constraintInName is what article_windows_amd64_test.go says by its name.
func constraintInName(name string) constraint.Expr {
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".go"), "_test")
	parts := strings.Split(name, "_")[1:] // linux.go is for everyone
	last := func(known []string) constraint.Expr {
		n := len(parts)
		if n == 0 || !slices.Contains(known, parts[n-1]) {
			return nil
		}
		tag := &constraint.TagExpr{Tag: parts[n-1]}
		parts = parts[:n-1]
		return tag
	}
	arch := last(knownArch)
	system := last(knownOS)
	if arch != nil && system != nil {
		return &constraint.AndExpr{X: system, Y: arch}
	}
	if arch != nil {
		return arch
	}
	return system
}

// constraintIn returns the constraint before the package clause: the go:build
// line, or else the lines in the style of old.
func constraintIn(text []byte) (expr constraint.Expr, err error) {
	inComment := false
	for line := range bytes.Lines(text) {
		trimmed := string(bytes.TrimSpace(line))
		if inComment || strings.HasPrefix(trimmed, "/*") {
			inComment = !strings.Contains(trimmed, "*/")
			continue
		}
		switch {
		case constraint.IsGoBuild(trimmed):
			return constraint.Parse(trimmed)
		case constraint.IsPlusBuild(trimmed):
			e, err := constraint.Parse(trimmed)
			if err != nil {
				return nil, err
			}
			if expr != nil {
				e = &constraint.AndExpr{X: expr, Y: e}
			}
			expr = e
		case strings.HasPrefix(trimmed, "package "):
			return expr, nil
		}
	}
	return expr, nil
}

// platform is a set of build tags under which files are read. It does not
// depend on the machine, so that the same is generated everywhere.
type platform struct {
	os, arch string
	flip     []string // tags that are other than they usually are
	tags     []string // those of the user
}

// holds reports whether a constraint is satisfied.
func (p *platform) holds(e constraint.Expr) bool {
	return e == nil || e.Eval(func(tag string) bool {
		return p.usually(tag) != slices.Contains(p.flip, tag)
	})
}

func (p *platform) usually(tag string) bool {
	switch {
	case tag == p.os, tag == p.arch, tag == implied[p.os] && tag != "", tag == "cgo", tag == "gc":
		return true
	case tag == "unix":
		return !slices.Contains(notUnix, p.os)
	}
	return strings.HasPrefix(tag, "go1.") || slices.Contains(p.tags, tag)
}

// satisfying returns the first platform that satisfies a constraint: with tags
// as they usually are, if it can be, and else with some of them flipped.
func satisfying(e constraint.Expr, tags []string) *platform {
	usual := &platform{os: knownOS[0], arch: knownArch[0], tags: tags}
	if usual.holds(e) {
		return usual
	}
	mentioned := tagsOf(e)
	systems := append(mentionedFirst(knownOS, mentioned), "other")
	arches := append(mentionedFirst(knownArch, mentioned), "other")
	var free []string
	for _, t := range mentioned {
		if t != "unix" && !slices.Contains(knownOS, t) && !slices.Contains(knownArch, t) {
			free = append(free, t)
		}
	}
	if len(free) > 10 {
		free = free[:10] // nobody writes that
	}
	for subset := range 1 << len(free) {
		var flip []string
		for i, t := range free {
			if subset>>i&1 == 1 {
				flip = append(flip, t)
			}
		}
		for _, system := range systems {
			for _, arch := range arches {
				if p := (&platform{os: system, arch: arch, flip: flip, tags: tags}); p.holds(e) {
					return p
				}
			}
		}
	}
	return nil
}

// mentionedFirst returns the usual platform and those that matter.
func mentionedFirst(known, mentioned []string) []string {
	few := known[:3:3]
	for _, k := range known[3:] {
		if slices.Contains(mentioned, k) {
			few = append(few, k)
		}
	}
	return few
}

// tagsOf returns the tags in a constraint, each once.
func tagsOf(e constraint.Expr) (tags []string) {
	switch e := e.(type) {
	case *constraint.TagExpr:
		return []string{e.Tag}
	case *constraint.NotExpr:
		return tagsOf(e.X)
	case *constraint.AndExpr:
		tags = append(tagsOf(e.X), tagsOf(e.Y)...)
	case *constraint.OrExpr:
		tags = append(tagsOf(e.X), tagsOf(e.Y)...)
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// ConstrainedByName reports whether the name of a file is a build constraint.
func ConstrainedByName(name string) bool { return constraintInName(name) != nil }
