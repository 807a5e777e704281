package filecleangen_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// The pages that users read show code that is compiled, output that programs
// print, and links that lead somewhere.

// page is README.md or one of docs.
type page struct {
	name  string // with slashes, relative to the repository
	lines []string
}

// block is a fenced block of a page.
type block struct {
	page, lang string
	line       int // of the page, where its first line is
	lines      []string
}

// at returns where a line of the block is, for messages.
func (b block) at(i int) string { return fmt.Sprintf("%s:%d", b.page, b.line+i) }

// source is a text that a block may be an excerpt of.
type source struct {
	name  string
	lines []string
}

// TestGoBlocks: every Go block is an excerpt of a file that is compiled, or of a
// scenario that is. A line with nothing but "…", and perhaps a comment, stands for
// any number of lines; so does what is left out after a function without its body.
func TestGoBlocks(t *testing.T) {
	sources := goSources(t)
	for _, p := range pages(t) {
		for _, b := range p.blocks() {
			if b.lang != "go" {
				continue
			}
			if missing, near := find(sources, b.lines); missing >= 0 {
				t.Errorf("%s: in no Go file%s: %s", b.at(missing), near, strings.TrimSpace(b.lines[missing]))
			}
		}
	}
}

var runsExample = regexp.MustCompile(`^\$ go run \./(examples/\w+)$`)

// TestOutput: what a page shows as the output of an example is what the example
// prints. One page shows all of it, and a test of the example compares that; what
// others show is an excerpt.
func TestOutput(t *testing.T) {
	full := map[string]source{}
	var excerpts []block
	for _, p := range pages(t) {
		for _, b := range p.outputs() {
			if slices.ContainsFunc(b.lines, elided.MatchString) {
				excerpts = append(excerpts, b)
				continue
			}
			if first, twice := full[b.lang]; twice {
				t.Errorf("%s: %s shows the output of %s already; leave lines out with …", b.at(0), first.name, b.lang)
			}
			full[b.lang] = source{b.page, b.lines}
			if !testsMention(t, b.lang, path.Base(b.page)) {
				t.Errorf("%s: no test of %s compares its output with %s", b.at(0), b.lang, b.page)
			}
		}
	}
	for _, b := range excerpts {
		if missing, _ := find([]source{full[b.lang]}, b.lines); missing >= 0 {
			t.Errorf("%s: not in the output of %s as a page shows it whole: %s", b.at(missing), b.lang, b.lines[missing])
		}
	}
}

// testsMention reports whether a test of a directory mentions a name.
func testsMention(t *testing.T, dir, name string) bool {
	t.Helper()
	tests, err := filepath.Glob(filepath.Join(filepath.FromSlash(dir), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(tests, func(test string) bool { return strings.Contains(strings.Join(read(t, test), "\n"), name) })
}

const site = "https://pkg.go.dev/github.com/filecleangen/filecleangen"

var (
	link     = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	codeSpan = regexp.MustCompile("`[^`]*`")
)

// TestLinks: links lead to files, headings and packages that are there, and the
// index has every page.
func TestLinks(t *testing.T) {
	all := pages(t)
	indexed := map[string]bool{"README.md": true, "docs/README.md": true}
	for _, p := range all {
		for i, line := range p.prose() {
			for _, l := range link.FindAllStringSubmatch(line, -1) {
				to, err := p.follow(l[1])
				if err != nil {
					t.Errorf("%s:%d: %s: %v", p.name, i+1, l[1], err)
				}
				indexed[to] = indexed[to] || p.name == "docs/README.md"
			}
		}
	}
	for _, p := range all {
		if !indexed[p.name] {
			t.Errorf("docs/README.md has no link to %s", p.name)
		}
	}
}

// follow returns the file in the repository that a link of the page leads to.
func (p page) follow(target string) (to string, err error) {
	target, anchor, _ := strings.Cut(target, "#")
	switch {
	case strings.HasPrefix(target, site):
		to = strings.TrimPrefix(strings.TrimPrefix(target, site), "/")
		anchor = ""
	case strings.Contains(target, ":"):
		return "", nil
	case target == "":
		to = p.name
	default:
		to = path.Join(path.Dir(p.name), target)
	}
	if _, err := os.Stat(filepath.FromSlash(path.Join(".", to))); err != nil {
		return to, err
	}
	if anchor == "" {
		return to, nil
	}
	text, err := os.ReadFile(filepath.FromSlash(to))
	if err != nil {
		return to, err
	}
	if !slices.Contains(page{lines: split(text)}.anchors(), anchor) {
		return to, fmt.Errorf("%s has no heading #%s", to, anchor)
	}
	return to, nil
}

// anchors returns what GitHub calls the headings.
func (p page) anchors() (list []string) {
	for _, line := range p.prose() {
		hashes := len(line) - len(strings.TrimLeft(line, "#"))
		if hashes == 0 || !strings.HasPrefix(line[hashes:], " ") {
			continue
		}
		list = append(list, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(line[hashes:])))
	}
	return list
}

// pages returns README.md and the pages of docs.
func pages(t *testing.T) (list []page) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append([]string{"README.md"}, names...) {
		list = append(list, page{filepath.ToSlash(name), read(t, name)})
	}
	return list
}

var fence = regexp.MustCompile("^\\s*```\\s*(\\w*)")

// blocks returns the fenced blocks of a page.
func (p page) blocks() (list []block) {
	var b *block
	for i, line := range p.lines {
		switch m := fence.FindStringSubmatch(line); {
		case m == nil && b != nil:
			b.lines = append(b.lines, line)
		case m == nil:
		case b != nil:
			list = append(list, *b)
			b = nil
		default:
			b = &block{page: p.name, lang: m[1], line: i + 2}
		}
	}
	return list
}

// prose returns the lines of a page, without fenced blocks and code.
func (p page) prose() []string {
	lines := slices.Clone(p.lines)
	inside := false
	for i, line := range lines {
		switch {
		case fence.MatchString(line):
			inside = !inside
			lines[i] = ""
		case inside:
			lines[i] = ""
		default:
			lines[i] = codeSpan.ReplaceAllStringFunc(line, func(code string) string {
				if strings.HasPrefix(line, "#") {
					return strings.Trim(code, "`") // it is part of the anchor
				}
				return ""
			})
		}
	}
	return lines
}

// outputs returns what the console blocks of a page show as the output of
// examples, as blocks with the directory in place of a language.
func (p page) outputs() (list []block) {
	for _, b := range p.blocks() {
		if b.lang != "console" {
			continue
		}
		for i := 0; i < len(b.lines); i++ {
			m := runsExample.FindStringSubmatch(b.lines[i])
			if m == nil {
				continue
			}
			end := i + 1
			for end < len(b.lines) && !strings.HasPrefix(b.lines[end], "$ ") {
				end++
			}
			if end > i+1 {
				list = append(list, block{p.name, m[1], b.line + i + 1, b.lines[i+1 : end]})
			}
			i = end - 1
		}
	}
	return list
}

// goSources returns the Go files and scenarios of all modules.
func goSources(t *testing.T) (list []source) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case name == "docs_test.go":
		case filepath.Ext(name) == ".go", filepath.Ext(name) == ".txtar":
			list = append(list, source{filepath.ToSlash(name), read(t, name)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// read returns the lines of a file, without white space at their ends.
func read(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return split(text)
}

func split(text []byte) []string {
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRightFunc(line, unicode.IsSpace)
	}
	return lines
}

var (
	elided   = regexp.MustCompile(`^\s*…(\s*//.*)?$`)
	bodyless = regexp.MustCompile(`^func .*[^{}(,]$`)
)

// step is a line that an excerpt must have.
type step struct {
	text string
	line int // of the excerpt
}

// chunksOf returns the runs of lines that stand together, without what indents
// all of them.
func chunksOf(lines []string) [][]step {
	indent := indentOf(lines)
	chunks := [][]step{nil}
	for i, line := range lines {
		last := &chunks[len(chunks)-1]
		switch line = strings.TrimPrefix(line, indent); {
		case elided.MatchString(line):
			chunks = append(chunks, nil)
		case bodyless.MatchString(line):
			*last = append(*last, step{line + " {", i})
			chunks = append(chunks, nil)
		case line != "" || len(*last) > 0:
			*last = append(*last, step{line, i})
		}
	}
	for i, c := range chunks {
		for len(c) > 0 && c[len(c)-1].text == "" {
			c = c[:len(c)-1]
		}
		chunks[i] = c
	}
	return slices.DeleteFunc(chunks, func(c []step) bool { return len(c) == 0 })
}

// indentOf returns what all lines begin with that are not empty or left out.
func indentOf(lines []string) string {
	indent, seen := "", false
	for _, line := range lines {
		if line == "" || elided.MatchString(line) {
			continue
		}
		if !seen {
			indent, seen = line[:len(line)-len(strings.TrimLeft(line, " \t"))], true
		}
		for !strings.HasPrefix(line, indent) {
			indent = indent[:len(indent)-1]
		}
	}
	return indent
}

// find returns the first line of an excerpt that is missing in the source that has
// most of it, and which that is; or -1 if a source has all of it.
func find(sources []source, excerpt []string) (missing int, near string) {
	chunks := chunksOf(excerpt)
	if len(chunks) == 0 {
		return -1, ""
	}
	missing = chunks[0][0].line
	for _, s := range sources {
		for i, line := range s.lines {
			indent, ok := strings.CutSuffix(line, chunks[0][0].text)
			if !ok || strings.TrimLeft(indent, " \t") != "" {
				continue
			}
			m := missingIn(s.lines, i, indent, chunks)
			if m < 0 {
				return -1, ""
			}
			if m > missing {
				missing, near = m, fmt.Sprintf(" nor in %s, which has the lines before it (line %d)", s.name, i+1)
			}
		}
	}
	return missing, near
}

// missingIn compares an excerpt with the lines from the one where it begins, which
// have an indentation more. It returns the first line that is missing, or -1.
func missingIn(lines []string, start int, indent string, chunks [][]step) (missing int) {
	at := start
	for n, c := range chunks {
		furthest := 0
		for {
			same := 0
			for same < len(c) && at+same < len(lines) && lines[at+same] == strings.TrimRight(indent+c[same].text, " \t") {
				same++
			}
			if same == len(c) {
				at += same
				break
			}
			furthest = max(furthest, same)
			if at++; n == 0 || at >= len(lines) {
				return c[furthest].line
			}
		}
	}
	return -1
}
