package runtime_test

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
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
//
// Where nobody asks the rows, transactions keep to what the documentation of Unchecked
// lists, see preconditions. Where the rows are asked nothing is a condition: what the
// methods are told, what statements answer and what commits and rollbacks report may all
// be wrong.
func TestRandomPrograms(t *testing.T) {
	for name, suite := range map[string]suite{
		"unchecked":                      {cleaners: 1},
		"with references":                {cleaners: 1, check: true},
		"with references and 2 cleaners": {cleaners: 2, check: true},
	} {
		t.Run(name, func(t *testing.T) {
			var lost atomic.Int64
			rapid.Check(t, func(rt *rapid.T) {
				p := newProgram(rt, suite)
				p.run()
				lost.Add(int64(p.losses))
			})
			if suite.cleaners > 1 {
				t.Logf("%d files were deleted while a transaction of another process named them uncommitted", lost.Load())
			}
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
	ids        int
	locks      map[int]*transaction
	running    []*transaction  // not committed or rolled back yet
	committing []*transaction  // committed, and deleting
	done       []*transaction  // committed, and done with it
	undone     []*transaction  // rolled back, which lets go of what they uploaded
	zombies    []*transaction  // whose commit failed, and may yet succeed
	stale      []album         // records that somebody still has from an earlier read
	thumbs     map[string]bool // made for covers

	mu        sync.Mutex // Close has a goroutine for each storage
	now       int        // ticks when something happens that the order of matters of
	excused   map[runtime.Ref]bool
	answers   map[question]int               // when no row named a file, and somebody was told so
	deletions map[runtime.Ref]deletion       // the last of each file
	namings   map[runtime.Ref][]*transaction // that were committed with rows that name it, in this order
	lost      map[runtime.Ref]bool           // by what no memory of one process can know
	losses    int
}

// question is about one file, asked by one cleaner. The deletion that it is asked for
// comes at the same depth of callbacks, before another question about the file does.
type question struct {
	cleaner, depth int
	ref            runtime.Ref
}

// deletion is a file that is gone.
type deletion struct {
	cleaner int
	asked   int // when no row named it; 0 is never
	at      int
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
		suite: s, t: t, committed: table{}, locks: map[int]*transaction{},
		excused: map[runtime.Ref]bool{media("default.png"): true}, thumbs: map[string]bool{},
		answers: map[question]int{}, deletions: map[runtime.Ref]deletion{},
		namings: map[runtime.Ref][]*transaction{}, lost: map[runtime.Ref]bool{},
		keyless:  rapid.IntRange(0, 3).Draw(t, "keyless") == 0,
		parallel: rapid.IntRange(1, 4).Draw(t, "parallel"),
	}
	p.files = map[string]*flaky{"media": newFlaky(p, "media"), "docs": newFlaky(p, "docs")}
	p.files["media"].write(t, "default.png")
	retry := runtime.Retry{Attempts: rapid.SampledFrom([]int{1, 3}).Draw(t, "attempts"), First: time.Hour, Longest: time.Hour}
	for i := range s.cleaners {
		options := []runtime.Option{
			runtime.WithStorage("media", seenBy{p.files["media"], i}, runtime.Exclusive()),
			runtime.WithStorage("docs", seenBy{p.files["docs"], i}, runtime.Exclusive()),
			runtime.WithTypes(albums.FileTypes()...),
			runtime.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
			runtime.WithWorkers(1), runtime.WithRetry(retry),
			runtime.WithObserver(runtime.Observer{Before: p.before, After: p.after}),
			runtime.Unchecked(),
		}
		if s.check {
			options[len(options)-1] = runtime.WithReferences(runtime.ReferencesFunc(func(_ context.Context, refs []runtime.Ref) ([]runtime.Ref, error) {
				return p.named(i, refs)
			}))
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

// fail ends the program. What differs from run to run, as names do, is no part of the
// failure, by which rapid knows it again.
func (p *program) fail(what string, details ...any) {
	for _, d := range details {
		p.t.Logf("%+v", d)
	}
	p.t.Fatal(what)
}

// tick returns a new moment.
func (p *program) tick() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now++
	return p.now
}

// checkSafety: no file that a committed row names is gone, nor a thumbnail of a
// cover; nor, by the process that does not know whether it was committed, a file that a
// row may yet come to name.
func (p *program) checkSafety() {
	named := p.committed.refs()
	named[media("default.png")] = true
	for ref := range named {
		p.checkFile(ref, ref)
	}
	for _, row := range p.committed {
		if p.thumbs[row.Cover] {
			p.checkFile(media(thumbOf(row.Cover)), media(row.Cover))
		}
	}
	for _, z := range p.zombies {
		for ref := range z.after().refs() {
			d := p.deletions[ref]
			if !p.files[ref.Storage].has(ref.Name) && !p.lost[ref] && (d.cleaner == z.cleaner || d.at < z.began) {
				p.fail("a file is gone that a transaction of unknown outcome names", ref, d, z.after())
			}
		}
	}
}

// checkFile fails unless a file is there, or its loss is what the documentation says may
// happen: since another process deleted it, and asked before, a transaction has come to
// name it, or the file with which it goes, that was open between the question and the
// deletion, and committed later.
func (p *program) checkFile(ref, namedAs runtime.Ref) {
	if p.lost[ref] || p.lost[namedAs] || p.files[ref.Storage].has(ref.Name) {
		return
	}
	d := p.deletions[ref]
	var by *transaction
	for _, m := range p.namings[namedAs] {
		if m.landed > d.asked {
			by = m
			break
		}
	}
	if d.asked == 0 || by == nil || by.cleaner == d.cleaner || by.began > d.at {
		p.fail("a row names a file that is gone", namedAs, ref, d, by, p.committed)
	}
	p.lost[ref] = true
	p.losses++
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
				p.fail("a file was left behind in silence", ref, p.committed)
			}
		}
	}
}

// named is the references of a cleaner. Others go on before and after it is answered.
func (p *program) named(cleaner int, refs []runtime.Ref) (named []runtime.Ref, err error) {
	p.meanwhile()
	rows, now := p.committed.refs(), p.tick()
	var others []runtime.Ref
	for _, ref := range refs {
		if rows[ref] {
			named = append(named, ref)
		} else {
			others = append(others, ref)
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
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ref := range refs {
		delete(p.answers, question{cleaner, p.depth, ref})
	}
	for _, ref := range others {
		p.answers[question{cleaner, p.depth, ref}] = now
	}
	return named, nil
}

// tried notes that a cleaner has tried to delete a file. An answer is good for one attempt.
func (p *program) tried(cleaner int, ref runtime.Ref, gone bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now++
	q := question{cleaner, p.depth, ref}
	if gone {
		p.deletions[ref] = deletion{cleaner, p.answers[q], p.now}
	}
	delete(p.answers, q)
}

// before and after are the observer.
func (p *program) before(_ context.Context, r runtime.Result) error {
	if !p.closing && p.depth < 2 && p.parallel > 1 && rapid.IntRange(0, 3).Draw(p.t, "tempt") == 0 {
		p.depth++
		p.tempt(r.Ref)
		p.depth--
	}
	p.meanwhile()
	switch p.files[r.Ref.Storage].planOf(r.Ref.Name).observer {
	case vetoes:
		return errDown
	case panics:
		panic(errDown)
	case panicsAfter:
	}
	return nil
}

func (p *program) after(_ context.Context, r runtime.Result) {
	if r.Status == runtime.Kept || r.Status == runtime.Failed {
		p.mu.Lock() // Close has a goroutine for each storage
		p.excused[r.Ref] = true
		p.mu.Unlock()
	}
	p.meanwhile()
	if p.files[r.Ref.Storage].planOf(r.Ref.Name).observer == panicsAfter {
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
	program *program
	name    string
	plans   map[string]*plan
}

// seenBy is a storage as one cleaner has it.
type seenBy struct {
	*flaky
	cleaner int
}

func (s seenBy) Remove(name string) error {
	err := errDown // also if it panics
	defer func() {
		s.program.tried(s.cleaner, runtime.Ref{Storage: s.name, Name: name}, err == nil)
	}()
	err = s.flaky.Remove(name)
	return err
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

func newFlaky(p *program, name string) *flaky {
	return &flaky{Fs: afero.NewMemMapFs(), program: p, name: name, plans: map[string]*plan{}}
}

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
