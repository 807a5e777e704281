package triggers_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/outbox"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
	"github.com/filecleangen/filecleangen/storage"
)

// A story is tables as some program has them, and what its statements leave on disk. Each
// has the files a, b, c and d, whose names get its number where they stand alone in quotes;
// so does what stands before -N. All stories of a database are told at the same time: each
// has its tables made, then the triggers of all are installed, and then their scripts run up
// to the next line with files, where a relay runs for all.
type story struct {
	name   string
	tables string // a statement a line
	tracks []track
	files  []string // others than these
	// A statement a line. One with a question mark in front is refused since the file is
	// gone. A line with an equals sign has the files that must be left then.
	script string
}

// A track is a column that names files.
type track struct {
	table, column string
	form          references.Form
}

// in returns tracks of some columns of a table.
func in(table string, columns ...string) (tracks []track) {
	for _, c := range columns {
		tracks = append(tracks, track{table: table, column: c})
	}
	return tracks
}

// as returns tracks of columns that have another form.
func as(form references.Form, tracks []track) []track {
	for i := range tracks {
		tracks[i].form = form
	}
	return tracks
}

func lines(text string) (all []string) {
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// types are those of the fields that a story tracks, one a column.
func (s *telling) types() (types []*runtime.Type, options []references.Option) {
	for i, t := range s.tracks {
		f := runtime.Field{Path: "File", Column: t.column, Storage: s.storage}
		if t.form == references.JSON || t.form == references.Array {
			f.Shape = runtime.List
		}
		typ := &runtime.Type{Name: fmt.Sprintf("models.%s%d", s.name, i), Package: "example.com/shop/models", Fields: []runtime.Field{f}}
		types = append(types, typ)
		options = append(options, references.Table(typ, t.table, references.Columns{"File": {Name: t.column, Form: t.form}}))
	}
	return types, options
}

// stories is a database in which stories are told.
type stories struct {
	*world
	conn  *sql.Conn // that all statements run on
	names []string  // of schemas, by what stands for them
	all   []*telling
}

// A telling is a story that is being told.
type telling struct {
	story
	storage string
	words   *strings.Replacer
	lines   []string
	wrong   bool // whether it has been given up
}

// storages is how many there are: few, since each is a relay's round, and not one, since a
// question about many names in very many columns takes long.
const storages = 6

// telling begins to tell a story with a number.
func (w *stories) telling(s story, number int) *telling {
	words := []string{"-N", fmt.Sprint("-", number)}
	own := s.files == nil
	for _, name := range []string{"a", "b", "c", "d", "A", "B", "C", "D"} {
		for _, q := range []string{"'", `"`} {
			words = append(words, q+name+q, fmt.Sprint(q, name, "-", number, q))
		}
		if own && name >= "a" {
			s.files = append(s.files, fmt.Sprint(name, "-", number))
		}
	}
	t := &telling{story: s, storage: fmt.Sprint("s", number%storages), words: strings.NewReplacer(append(words, w.names...)...)}
	for _, line := range lines(s.script) {
		if files, is := strings.CutPrefix(line, "="); is && own {
			line = "=" + strings.ReplaceAll(files, " ", " \x00")
			for _, name := range []string{"a", "b", "c", "d"} {
				line = strings.ReplaceAll(line, "\x00"+name, fmt.Sprint(name, "-", number))
			}
		}
		t.lines = append(t.lines, t.words.Replace(line))
	}
	for i := range t.tracks {
		t.tracks[i].table = t.words.Replace(t.tracks[i].table)
	}
	return t
}

// tell tells stories. In their texts, HOME and OTHER stand for the schemas that there are,
// if there are any, and APPLICATION for a role that may do everything with tables.
func tell(t *testing.T, d references.Dialect, dsn string, all []story) {
	t.Helper()
	w := &stories{world: bareWorldAt(t, d, dsn)}
	w.begin(all)
	w.must(w.box.InstallTriggers(t.Context()))
	w.faults(w.box, "")
	for w.round() {
	}
	w.faults(w.box, "")
	w.must(w.box.RemoveTriggers(t.Context()))
	if left := w.everywhere(); left != "" {
		t.Errorf("left: %s", left)
	}
}

// begin makes the tables of all stories, and an outbox.
func (w *stories) begin(all []story) {
	w.t.Helper()
	conn, err := w.db.Conn(w.t.Context())
	w.must(err)
	w.conn = conn
	w.t.Cleanup(func() { _ = conn.Close() })
	w.surroundings()
	options, types := []references.Option{references.Logger(w.logs.Logger()), references.Program("shop")}, []*runtime.Type{}
	for i, s := range all {
		now := w.telling(s, i+1)
		for _, name := range now.files {
			w.write(now.storage + "/" + name)
		}
		for _, statement := range lines(s.tables) {
			if _, err := w.conn.ExecContext(w.t.Context(), now.words.Replace(statement)); err != nil {
				w.t.Fatalf("%s: %s: %v", s.name, statement, err)
			}
		}
		more, tables := now.types()
		types, options = append(types, more...), append(options, tables...)
		w.all = append(w.all, now)
	}
	refs, err := references.New(w.t.Context(), w.own, w.d, options...)
	w.must(err)
	clean, err := runtime.New(append(w.directories(), runtime.WithTypes(types...), runtime.WithReferences(refs), runtime.WithLogger(w.logs.Logger()))...)
	w.must(err)
	w.box, err = outbox.New(w.t.Context(), clean, refs)
	w.must(err)
	w.relay = w.newRelay(w.box)
}

// directories are the storages.
func (w *stories) directories() (options []runtime.Option) {
	w.t.Helper()
	for i := range storages {
		name := fmt.Sprint("s", i)
		w.must(os.MkdirAll(filepath.Join(w.root, name), 0o755))
		dir, err := storage.Dir(filepath.Join(w.root, name))
		w.must(err)
		w.t.Cleanup(func() { _ = dir.Close() })
		w.must(outbox.Mark(dir, environment))
		options = append(options, runtime.WithStorage(name, dir))
	}
	return options
}

// surroundings makes the schemas and the role that there are besides.
func (w *stories) surroundings() {
	w.t.Helper()
	var words []string
	var home string
	switch w.d {
	case references.PostgreSQL:
		w.must(w.db.QueryRowContext(w.t.Context(), "SELECT current_schema()").Scan(&home))
		w.exec("CREATE SCHEMA " + home + "_other")
		role := fmt.Sprintf("fc_%d_%d", os.Getpid(), time.Now().UnixNano())
		w.exec("CREATE ROLE " + role)
		w.exec("GRANT USAGE ON SCHEMA " + home + "," + home + "_other TO " + role)
		w.exec("ALTER DEFAULT PRIVILEGES IN SCHEMA " + home + " GRANT ALL ON TABLES TO " + role)
		w.undo("DROP OWNED BY "+role+" CASCADE", "DROP ROLE "+role, "DROP SCHEMA "+home+"_other CASCADE")
		words = append(words, "APPLICATION", role)
	case references.MySQL:
		home = w.home()
		w.exec("CREATE DATABASE " + home + "_other")
		w.undo("DROP DATABASE " + home + "_other")
	case references.SQLite:
		home = "main"
	}
	w.names = slices.Concat(words, []string{"HOME", home, "OTHER", home + "_other"})
}

// undo runs statements when the test is over, on a handle of its own.
func (w *stories) undo(statements ...string) {
	d, dsn := w.d, w.dsn
	w.t.Cleanup(func() {
		db, err := databases.Open(d, dsn)
		if err != nil {
			return
		}
		for _, s := range statements {
			_, _ = db.Exec(s) //nolint:noctx // the test's context has ended
		}
		_ = db.Close()
	})
}

// round tells all stories up to the next files, and reports whether there were any.
func (w *stories) round() (more bool) {
	w.t.Helper()
	want := map[*telling]string{}
	for _, s := range w.all {
		files, ok := w.play(s)
		if ok && !s.wrong {
			want[s] = files
		}
	}
	w.drain()
	there := w.left()
	for s, files := range want {
		got := strings.Join(slices.DeleteFunc(slices.Clone(s.files), func(f string) bool { return !slices.Contains(there, s.storage+"/"+f) }), " ")
		if got != files {
			w.t.Errorf("%s: files left: %s, want %s", s.name, brief(got), brief(files))
			s.wrong = true
		}
	}
	return len(want) > 0
}

// play runs a story's statements up to the next files, which it returns.
func (w *stories) play(s *telling) (files string, more bool) {
	w.t.Helper()
	for len(s.lines) > 0 && !s.wrong {
		line := s.lines[0]
		s.lines = s.lines[1:]
		if files, is := strings.CutPrefix(line, "="); is {
			return strings.TrimSpace(files), true
		}
		statement, refused := strings.CutPrefix(line, "?")
		_, err := w.conn.ExecContext(w.t.Context(), statement)
		if refused && !outbox.IsGone(err) || !refused && err != nil {
			w.t.Errorf("%s: %s: %v", s.name, brief(line), err)
			s.wrong = true
		}
	}
	return "", false
}

// brief is a text that may be long.
func brief(text string) string {
	if len(text) > 300 {
		return fmt.Sprintf("%.300q… of %d bytes", text, len(text))
	}
	return fmt.Sprintf("%q", text)
}

// everywhere returns the names of all triggers and functions in both schemas.
func (w *stories) everywhere() string {
	w.t.Helper()
	if w.d == references.SQLite {
		return w.installed()
	}
	query := strings.NewReplacer(w.names...).Replace(map[references.Dialect]string{
		references.PostgreSQL: "SELECT coalesce(string_agg(name, ' '), '') FROM (SELECT proname FROM pg_proc WHERE pronamespace IN ('HOME'::regnamespace, 'OTHER'::regnamespace) AND proname ~ '^filecleangen_[0-9]' UNION ALL SELECT tgname FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid WHERE relnamespace IN ('HOME'::regnamespace, 'OTHER'::regnamespace) AND tgname ~ '^filecleangen_[0-9]') n (name)",
		references.MySQL:      "SELECT coalesce(group_concat(name), '') FROM (SELECT routine_name AS name FROM information_schema.routines WHERE routine_schema IN ('HOME', 'OTHER') AND routine_name LIKE 'filecleangen%' UNION ALL SELECT trigger_name FROM information_schema.triggers WHERE event_object_schema IN ('HOME', 'OTHER') AND trigger_name LIKE 'filecleangen%') n",
	}[w.d])
	var all string
	w.must(w.db.QueryRowContext(w.t.Context(), query).Scan(&all))
	return all
}

// A refusal is a table that can't be tracked, and what the error says of it, when the
// references are made or when the triggers are installed.
type refusal struct {
	name, tables string
	tracks       []track
	says         []string
}

// refuse checks that tables are refused.
func refuse(t *testing.T, d references.Dialect, dsn string, all []refusal) {
	t.Helper()
	w := &stories{world: bareWorldAt(t, d, dsn)}
	w.surroundings()
	for _, r := range all {
		s := w.telling(story{name: r.name, tracks: r.tracks}, 0)
		for _, statement := range lines(r.tables) {
			w.exec(s.words.Replace(statement))
		}
		err := w.track(s)
		t.Logf("%s: %v", r.name, err)
		for _, part := range r.says {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v does not say %q", r.name, err, part)
			}
		}
	}
}

// track installs the triggers of a story.
func (w *stories) track(s *telling) error {
	types, options := s.types()
	refs, err := references.New(w.t.Context(), w.own, w.d, append(options, references.Program(s.name))...)
	if err != nil {
		return err
	}
	clean, err := runtime.New(append(w.directories(), runtime.WithTypes(types...), runtime.WithReferences(refs), runtime.WithLogger(w.logs.Logger()))...)
	w.must(err)
	box, err := outbox.New(w.t.Context(), clean, refs)
	w.must(err)
	if err := box.InstallTriggers(w.t.Context()); err != nil {
		return err
	}
	return box.RemoveTriggers(w.t.Context())
}
