package runtime_test

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/spf13/afero"
	"pgregory.net/rapid"

	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/runtime/internal/albums"
)

// TestRandomPrograms runs random transactions, one after the other or several
// at once, whose steps come in any order, also while another commits, is asked
// for references, or deletes; on storages and with observers that fail. After
// each step, no file that a committed row names is gone; in the end, each file
// that no row names is gone, or somebody was told of it.
func TestRandomPrograms(t *testing.T) {
	for name, suite := range map[string]suite{
		"without references":             {cleaners: 1},
		"with references":                {cleaners: 1, check: true},
		"with references and 2 cleaners": {cleaners: 2, check: true},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) { newProgram(rt, suite).run() })
		})
	}
}

// suite is what a program has.
type suite struct {
	cleaners int // as many processes
	check    bool
}

// album is a row.
type album = albums.Album

// program is a database, two storages, and transactions.
type program struct {
	suite
	t        *rapid.T
	keyless  bool // the generator did not recognise the primary key
	files    map[string]*flaky
	clean    []*runtime.Cleaner
	parallel int // how many transactions at most
	depth    int // how many callbacks we are in
	closing  bool

	committed  table
	writers    map[int]*transaction // who wrote a committed row
	ids        int
	now        int // ticks when a transaction begins or ends
	locks      map[int]*transaction
	running    []*transaction // not committed or rolled back yet
	committing []*transaction // committed, and deleting
	done       []*transaction // committed, and done with it
	undone     []*transaction // rolled back, which lets go of what they uploaded
	zombies    []*transaction // whose commit failed, and may yet succeed
	stale      []album        // records that somebody still has from an earlier read
	mu         sync.Mutex
	excused    map[runtime.Ref]bool
	thumbs     map[string]bool // made for covers
}

// table is what a database has: rows by primary key.
type table map[int]album

func (t table) clone() table {
	c := maps.Clone(t)
	for id, row := range c {
		c[id] = copyOf(row)
	}
	return c
}

func copyOf(row album) album {
	row.Pages, row.Texts = slices.Clone(row.Pages), maps.Clone(row.Texts)
	return row
}

// refs returns every file that a row of the table names.
func (t table) refs() map[runtime.Ref]bool {
	refs := map[runtime.Ref]bool{}
	for _, row := range t {
		maps.Copy(refs, refsOf(row))
	}
	return refs
}

func refsOf(row album) map[runtime.Ref]bool { return refsIn(row.FileSnapshot()) }

func refsIn(s albums.AlbumFiles) map[runtime.Ref]bool {
	refs := map[runtime.Ref]bool{media(s.Cover): true, docs(s.Back): true}
	for _, name := range s.Pages {
		refs[media(name)] = true
	}
	for _, name := range s.Texts {
		refs[docs(name)] = true
	}
	delete(refs, media(""))
	delete(refs, docs(""))
	return refs
}

func docs(name string) runtime.Ref { return runtime.Ref{Storage: "docs", Name: name} }

func newProgram(t *rapid.T, s suite) *program {
	p := &program{
		suite: s, t: t, committed: table{}, locks: map[int]*transaction{}, writers: map[int]*transaction{},
		excused: map[runtime.Ref]bool{media("default.png"): true}, thumbs: map[string]bool{},
		keyless:  rapid.IntRange(0, 3).Draw(t, "keyless") == 0,
		parallel: rapid.IntRange(1, 4).Draw(t, "parallel"),
		files:    map[string]*flaky{"media": newFlaky(), "docs": newFlaky()},
	}
	p.files["media"].write(t, "default.png")
	retry := runtime.Retry{Attempts: rapid.SampledFrom([]int{1, 3}).Draw(t, "attempts"), First: time.Hour, Longest: time.Hour}
	for range s.cleaners {
		options := []runtime.Option{
			runtime.WithStorage("media", p.files["media"]), runtime.WithStorage("docs", p.files["docs"]),
			runtime.WithTypes(albums.FileTypes()...),
			runtime.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
			runtime.WithWorkers(1), runtime.WithRetry(retry),
			runtime.WithObserver(runtime.Observer{Before: p.before, After: p.after}),
		}
		if s.check {
			options = append(options, runtime.WithReferences(runtime.ReferencesFunc(p.named)))
		}
		c, err := runtime.New(options...)
		if err != nil {
			t.Fatal(err)
		}
		p.clean = append(p.clean, c)
	}
	return p
}

func (p *program) run() {
	for range rapid.IntRange(1, 40).Draw(p.t, "steps") {
		p.step()
		p.checkSafety()
	}
	for len(p.running) > 0 {
		p.end(p.running[0], "commit")
		p.checkSafety()
	}
	p.closing = true
	for _, c := range p.clean {
		_ = c.Close(context.Background()) // the last attempt at what waits
	}
	p.checkSafety()
	p.checkLiveness()
}

// checkSafety: no file that a committed row names is gone, nor a thumbnail of a
// cover.
func (p *program) checkSafety() {
	named := p.committed.refs()
	named[media("default.png")] = true
	for ref := range named {
		if !p.files[ref.Storage].has(ref.Name) {
			p.t.Fatalf("a row names %s, which is gone; rows: %v", ref, p.committed)
		}
	}
	for _, row := range p.committed {
		if p.thumbs[row.Cover] && !p.files["media"].has(thumbOf(row.Cover)) {
			p.t.Fatalf("the thumbnail of the cover %s is gone; rows: %v", row.Cover, p.committed)
		}
	}
}

// checkLiveness: each file that no row names is gone, or an observer was told
// why not.
func (p *program) checkLiveness() {
	named := p.committed.refs()
	for _, z := range p.zombies { // they may land for ever
		maps.Copy(named, p.view(z).refs())
	}
	for storage, files := range p.files {
		for _, name := range files.names(p.t) {
			ref := runtime.Ref{Storage: storage, Name: name}
			if !named[ref] && !p.excused[ref] && !isThumb(name) {
				p.t.Fatalf("%s was left behind in silence; rows: %v", ref, p.committed)
			}
		}
	}
}

// named is the references. Others go on before and after it is answered.
func (p *program) named(_ context.Context, refs []runtime.Ref) (named []runtime.Ref, err error) {
	p.meanwhile()
	rows := p.committed.refs()
	for _, ref := range refs {
		if rows[ref] {
			named = append(named, ref)
		}
	}
	if !p.closing {
		switch rapid.IntRange(0, 19).Draw(p.t, "check") {
		case 0:
			return nil, errDown
		case 1:
			panic(errDown)
		}
	}
	p.meanwhile()
	return named, nil
}

// before and after are the observer.
func (p *program) before(_ context.Context, e runtime.Event) error {
	if !p.closing && p.depth < 2 && p.parallel > 1 && rapid.IntRange(0, 3).Draw(p.t, "tempt") == 0 {
		p.depth++
		p.tempt(e.Ref)
		p.depth--
	}
	p.meanwhile()
	switch p.files[e.Ref.Storage].planOf(e.Ref.Name).observer {
	case vetoes:
		return errDown
	case panics:
		panic(errDown)
	case panicsAfter:
	}
	return nil
}

func (p *program) after(_ context.Context, e runtime.Event) {
	if e.Status == runtime.Kept || e.Status == runtime.Failed {
		p.mu.Lock() // Close has a goroutine for each storage
		p.excused[e.Ref] = true
		p.mu.Unlock()
	}
	p.meanwhile()
	if p.files[e.Ref.Storage].planOf(e.Ref.Name).observer == panicsAfter {
		panic(errDown)
	}
}

// meanwhile runs steps of others inside a callback.
func (p *program) meanwhile() {
	if p.depth >= 2 || p.closing || p.parallel == 1 {
		return
	}
	p.depth++
	defer func() { p.depth-- }()
	for range rapid.IntRange(0, 2).Draw(p.t, "meanwhile") {
		p.step()
		p.checkSafety()
	}
}

// flaky is a storage that fails as planned for each file.
type flaky struct {
	afero.Fs
	plans map[string]*plan
}

// plan is what goes wrong with a file.
type plan struct {
	stat, remove, panic int // how often
	observer            fault
}

type fault int

const (
	vetoes fault = iota + 1
	panics
	panicsAfter
)

func newFlaky() *flaky { return &flaky{Fs: afero.NewMemMapFs(), plans: map[string]*plan{}} }

func (f *flaky) planOf(name string) *plan {
	if p := f.plans[name]; p != nil {
		return p
	}
	return &plan{}
}

// plan draws what will go wrong with a file: mostly nothing.
func (f *flaky) plan(t *rapid.T, name string) {
	some := func(label string) int { return max(0, rapid.IntRange(-8, 3).Draw(t, label)) }
	f.plans[name] = &plan{some("stat fails"), some("remove fails"), some("remove panics"), fault(some("observer"))}
}

func (f *flaky) Stat(name string) (info fs.FileInfo, err error) {
	if p := f.planOf(name); p.stat > 0 && f.has(name) { // Create looks for it when it is not there
		p.stat--
		return nil, errDown
	}
	return f.Fs.Stat(name)
}

func (f *flaky) Remove(name string) error {
	switch p := f.planOf(name); {
	case p.remove > 0:
		p.remove--
		return errDown
	case p.panic > 0:
		p.panic--
		panic(errDown)
	}
	return f.Fs.Remove(name)
}

func (f *flaky) has(name string) bool {
	_, err := f.Fs.Stat(name)
	return err == nil
}

func (f *flaky) write(t *rapid.T, name string) {
	if err := afero.WriteFile(f.Fs, name, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (f *flaky) names(t *rapid.T) (names []string) {
	err := fs.WalkDir(afero.NewIOFS(f.Fs), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
