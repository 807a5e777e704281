package load

import (
	"bufio"
	"bytes"
	"go/build"
	"os"
	"path/filepath"
	"strings"
)

// environ is what the go command is told by its environment and by go env -w,
// as far as it matters for finding files.
type environ struct {
	goroot   string
	modcache string
	work     string   // GOWORK: "off", a path, or "" to look for one
	tags     []string // build tags in GOFLAGS
	noVendor bool     // -mod=mod or -mod=readonly
	// foreign says that only the go command can know where packages are: a
	// driver of another build system, another go.mod, an overlay.
	foreign bool
}

func readEnviron() environ {
	saved := savedEnviron()
	get := func(name string) string {
		if v := os.Getenv(name); v != "" {
			return v
		}
		return saved[name]
	}
	e := environ{goroot: get("GOROOT"), modcache: get("GOMODCACHE"), work: get("GOWORK")}
	if e.goroot == "" {
		e.goroot = build.Default.GOROOT
	}
	if e.modcache == "" {
		path := get("GOPATH")
		if path == "" {
			path = build.Default.GOPATH
		}
		first, _, _ := strings.Cut(path, string(os.PathListSeparator))
		e.modcache = filepath.Join(first, "pkg", "mod")
	}
	if driver := get("GOPACKAGESDRIVER"); driver != "" && driver != "off" || get("GO111MODULE") == "off" {
		e.foreign = true
	}
	for f := range strings.FieldsSeq(get("GOFLAGS")) {
		name, value, _ := strings.Cut(strings.TrimLeft(f, "-"), "=")
		switch name {
		case "tags":
			e.tags = append(e.tags, strings.Split(value, ",")...)
		case "mod":
			e.noVendor = value != "vendor"
		case "modfile", "overlay":
			e.foreign = true
		}
	}
	return e
}

// savedEnviron reads what go env -w has written.
func savedEnviron() map[string]string {
	path := os.Getenv("GOENV")
	if path == "" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return nil
		}
		path = filepath.Join(dir, "go", "env")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil // off, or nothing was written
	}
	values := map[string]string{}
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		if name, value, ok := strings.Cut(s.Text(), "="); ok {
			values[strings.TrimSpace(name)] = value
		}
	}
	return values
}
