package gormsuite_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
)

// TestGormSuite runs the tests of gorm itself with the plugin and without, where
// FILECLEANGEN_GORM names a checkout of gorm: what passes without must pass with it. CI
// has no such checkout, so that the test is skipped there, too.
//
//	git clone --depth 1 --branch v1.31.2 https://github.com/go-gorm/gorm ../gorm
//	FILECLEANGEN_GORM=$PWD/../gorm go test ./conformance/gormsuite -v -timeout 60m
//
// The checkout is copied, and it is the copy that is edited; SQLite needs a C compiler.
// With -short the one test is left out that sleeps, for 40 seconds each time.
func TestGormSuite(t *testing.T) {
	checkout := os.Getenv("FILECLEANGEN_GORM")
	if checkout == "" {
		t.Skip("FILECLEANGEN_GORM is not set: it names a checkout of gorm, whose tests are run")
	}
	programs := map[bool]string{}
	for _, tagged := range []bool{false, true} {
		programs[tagged] = build(t, checkout, tagged)
	}
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		want := suite{d: d, keep: "plain", program: programs[false]}.run(t, nil)
		t.Logf("plain: %v", want)
		if want.count("pass") < 300 {
			t.Fatalf("gorm's tests fail without the plugin: is %s a checkout with its folder tests, of a version that conformance/go.mod knows?", checkout)
		}
		for _, test := range want.with("fail") {
			t.Logf("plain: %s fails, and is not looked at", test)
		}
		for _, tagged := range []bool{false, true} {
			for _, keep := range []string{"memory", "outbox"} {
				name := keep
				if tagged {
					name += ", ten fields tagged"
				}
				t.Run(name, func(t *testing.T) {
					suite{d, keep, programs[tagged], tagged}.compare(t, want)
				})
			}
		}
	})
}

// fields are those that get a tag. They are strings, of the models that gorm's tests use
// most.
var fields = map[string]string{
	"User": "Name", "Account": "Number", "Pet": "Name", "Toy": "Name", "Tools": "Name", "Company": "Name",
	"Language": "Name", "CouponProduct": "Desc", "Order": "Num", "Child": "Name",
}

// build makes a program of gorm's tests that has the plugin, if it is asked for one.
func build(t *testing.T, checkout string, tagged bool) (program string) {
	t.Helper()
	gorm := filepath.Join(t.TempDir(), "gorm")
	copyTree(t, checkout, gorm)
	tests := filepath.Join(gorm, "tests")

	// The one edit that registers the plugin: OpenTestConnection is ours.
	edit(t, filepath.Join(tests, "tests_test.go"), regexp.MustCompile(`(?m)^func OpenTestConnection\(`), "func openTestConnection(")
	write(t, filepath.Join(tests, "zz_filecleangen_plugin_test.go"), read(t, "testdata/plugin_test.go"))
	models := "testdata/untagged_test.go"
	if tagged {
		models = "testdata/tagged_test.go"
		for model, field := range fields {
			edit(t, filepath.Join(gorm, "utils", "tests", "models.go"),
				regexp.MustCompile(`(?m)^(type `+model+` struct \{\n(?:\t.*\n)*?\t`+field+` +string)$`), "$1 `file:\"media\"`")
		}
		goTool(t, "../..", "run", "./cmd/filecleangen", "-hooks=none", filepath.Join(gorm, "utils", "tests"))
	}
	write(t, filepath.Join(tests, "filecleangen_models_test.go"), read(t, models))

	mod := []string{"mod", "edit", "-go=" + language(t)}
	for _, driver := range []string{"gaussdb", "sqlserver"} {
		dir := filepath.Join(tests, "filecleangen", driver)
		write(t, filepath.Join(dir, driver+".go"), read(t, filepath.Join("testdata", driver, driver+".go")))
		write(t, filepath.Join(dir, "go.mod"), []byte("module gorm.io/driver/"+driver+"\n"))
		mod = append(mod, "-replace=gorm.io/driver/"+driver+"="+dir)
	}
	for _, of := range []string{"github.com/HuaweiCloudDeveloper/gaussdb-go", "github.com/microsoft/go-mssqldb", "github.com/golang-sql/civil", "github.com/golang-sql/sqlexp", "github.com/tjfoc/gmsm"} {
		mod = append(mod, "-droprequire="+of)
	}
	const module = "github.com/filecleangen/filecleangen"
	for _, below := range []string{"", "/adapters/gormclean"} {
		dir, err := filepath.Abs(filepath.Join("..", "..", below))
		if err != nil {
			t.Fatal(err)
		}
		mod = append(mod, "-require="+module+below+"@v0.0.0", "-replace="+module+below+"="+dir)
	}
	goTool(t, tests, mod...)
	program = filepath.Join(t.TempDir(), "suite.test")
	goTool(t, tests, "test", "-mod=mod", "-c", "-o", program, ".")
	return program
}

// language is the version of Go of this module.
func language(t *testing.T) string {
	t.Helper()
	var mod struct{ Go string }
	if err := json.Unmarshal(goTool(t, "../..", "mod", "edit", "-json"), &mod); err != nil {
		t.Fatal(err)
	}
	return mod.Go
}

// suite is gorm's tests, on a database and in a mode.
type suite struct {
	d             references.Dialect
	keep, program string
	tagged        bool
}

// results are what became of tests, and what they printed.
type results struct {
	outcome map[string]string // pass, skip or fail; of tests within tests, too
	output  map[string]string // of those that are not within others
}

func (r results) String() string {
	top := map[string]int{}
	for test, outcome := range r.outcome {
		if !strings.Contains(test, "/") {
			top[outcome]++
		}
	}
	return fmt.Sprintf("%d tests pass, %d fail, %d are skipped; with those within them %d pass", top["pass"], top["fail"], top["skip"], r.count("pass"))
}

func (r results) count(outcome string) (n int) { return len(r.with(outcome)) }

// with returns the tests with an outcome.
func (r results) with(outcome string) (tests []string) {
	for test, is := range r.outcome {
		if is == outcome {
			tests = append(tests, test)
		}
	}
	slices.Sort(tests)
	return tests
}

// run runs the suite on a new database, without some of its tests, or only these.
func (s suite) run(t *testing.T, skip []string, only ...string) results {
	t.Helper()
	dsn := newDatabase(t, s.d)
	dialect := map[references.Dialect]string{references.SQLite: "sqlite", references.PostgreSQL: "postgres", references.MySQL: "mysql"}[s.d]
	skip = append(skip, "TestLoadingExpired") // it uses no database, and passes if the machine has time
	if testing.Short() {
		skip = append(skip, "TestPreparedStmtLruFromTransaction")
	}
	all := func(tests []string) string { return "^(" + strings.Join(tests, "|") + ")$" }
	args := []string{"tool", "test2json", "-t", s.program, "-test.v=test2json", "-test.timeout=4m", "-test.skip=" + all(skip)}
	if len(only) > 0 {
		args = append(args, "-test.run="+all(only))
	}
	c := exec.CommandContext(t.Context(), "go", args...)
	c.Dir = filepath.Dir(s.program)
	c.Env = append(os.Environ(), "GORM_DIALECT="+dialect, "GORM_DSN="+dsn, "TMPDIR="+t.TempDir(), "FILECLEANGEN_KEEP="+s.keep)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output() // which fails where a test does
	r := results{outcome: map[string]string{}, output: map[string]string{}}
	for line := range bytes.Lines(out) {
		var e struct{ Action, Test, Output string }
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		top, _, _ := strings.Cut(e.Test, "/")
		switch e.Action {
		case "output":
			r.output[top] += e.Output
		case "pass", "fail", "skip":
			r.outcome[e.Test] = e.Action
		}
	}
	whole := r.outcome[""]
	delete(r.outcome, "")
	if len(r.outcome) == 0 {
		t.Fatalf("no test was run: %v\n%s%s", err, r.output[""], stderr.Bytes())
	}
	if whole == "fail" && r.count("fail") == 0 {
		t.Errorf("gorm's tests ended early: %s%s", r.output[""], stderr.Bytes())
	}
	return r
}

// newDatabase makes a database, and not a schema on PostgreSQL: there, some of gorm's
// tests see those of others.
func newDatabase(t *testing.T, d references.Dialect) (dsn string) {
	t.Helper()
	dsn = databases.New(t, d)
	switch d {
	case references.MySQL:
		return dsn + "&loc=Local"
	case references.PostgreSQL:
	default:
		return dsn
	}
	server, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	db, err := databases.Open(d, dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := server.Query()
	name := q.Get("search_path")
	q.Del("search_path")
	server.Path, server.RawQuery = "/"+name, q.Encode()
	if _, err := db.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = db.ExecContext(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)")
		_ = db.Close()
	})
	return server.String()
}

// compare runs the suite, and reports what passed in plain and does not.
func (s suite) compare(t *testing.T, plain results) {
	t.Helper()
	var skip []string
	if s.tagged && s.keep == "memory" {
		skip = unobserved
	}
	got := s.run(t, skip)
	t.Logf("%v", got)
	if m := files.FindStringSubmatch(got.output["TestPluginSaw"]); m != nil {
		t.Logf("the plugin reported %s files", m[1])
	}
	if got.outcome["TestPluginSaw"] != "pass" {
		t.Errorf("the plugin was not at work: %s", got.output["TestPluginSaw"])
	}
	for _, test := range skip { // each on a database of its own: it may leave a transaction open
		if plain.outcome[test] != "pass" {
			continue
		}
		if alone := s.run(t, nil, test); alone.outcome[test] != "fail" || !strings.Contains(alone.output[test], "use gormclean.Transaction instead of") {
			t.Errorf("%s begins transactions of its own, and should be told how to:\n%s", test, alone.output[test])
		}
	}
	different := got.differences(plain, skip)
	if slices.ContainsFunc(slices.Collect(maps.Keys(different)), func(test string) bool { return expected[test].why == "" }) {
		// Some of gorm's tests pass by luck, such as that two moments are not the same.
		again := s.run(t, skip).differences(plain, skip)
		maps.DeleteFunc(different, func(test string, _ []string) bool { return again[test] == nil })
	}
	for _, test := range slices.Sorted(maps.Keys(different)) {
		e, known := expected[test]
		if known && s.tagged && strings.Contains(got.output[test], e.says) {
			t.Logf("%s differs, as it must: %s", test, e.why)
			continue
		}
		if known {
			t.Errorf("%s differs, as it must (%s), but does not say %q", test, e.why, e.says)
		}
		t.Errorf("%s passes without the plugin, and not with it: %s\n%s", test, strings.Join(different[test], ", "), got.output[test])
	}
}

// files is what the copy prints of reports.
var files = regexp.MustCompile(`files that the plugin reported: (\d+)`)

// unobserved are the tests that begin transactions by db.Transaction or db.Begin, or
// create rows in batches, of models with file fields. In memory that is an error, which
// says what to do instead.
var unobserved = []string{
	"TestCreateInBatches", "TestCreateInBatchesWithDefaultSize", "TestCreateInBatchesWithReturning",
	"TestDeeplyNestedTransactionWithBlockAndWrappedCallback", "TestDisabledNestedTransaction",
	"TestGenericsCreateInBatches", "TestGenericsScanUUID", "TestGenericsWithTransaction",
	"TestNestedTransactionWithBlock", "TestPreparedStmtFromTransaction", "TestPreparedStmtLruFromTransaction",
	"TestTransaction", "TestTransactionRaiseErrorOnRollbackAfterCommit", "TestTransactionWithBlock",
	"TestTransactionWithSavePoint",
}

// expected are the tests that can't pass with the plugin, where their models have file
// fields, with what they must be told.
var expected = map[string]struct{ why, says string }{
	"TestUpdateFrom":           {"the plugin looks at one table, and an UPDATE with a FROM clause names two", "FROM clause"},
	"TestSaveWithPrimaryValue": {"it writes to a table that it makes itself, and that no reference knows", "the references don't know the table: langs"},
}

// differences returns the tests that passed in plain and did not now, by those that they
// are within; not those that were skipped.
func (r results) differences(plain results, skipped []string) map[string][]string {
	d := map[string][]string{}
	for test, outcome := range plain.outcome {
		top, within, _ := strings.Cut(test, "/")
		is := r.outcome[test]
		if outcome != "pass" || is == "pass" || slices.Contains(skipped, top) || is == "" && within != "" { // names of those within others may vary
			continue
		}
		if is == "" {
			is = "was not run"
		}
		d[top] = append(d[top], test+" "+is)
	}
	for _, tests := range d {
		slices.Sort(tests)
	}
	return d
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case e.Name() == ".git":
			if e.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case e.IsDir():
			return os.MkdirAll(filepath.Join(to, below), 0o700)
		case !e.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, below), content, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// edit replaces what must be there once.
func edit(t *testing.T, file string, what *regexp.Regexp, with string) {
	t.Helper()
	content := read(t, file)
	if n := len(what.FindAll(content, -1)); n != 1 {
		t.Fatalf("%s has %d of %v, not one: another version of gorm?", file, n, what)
	}
	write(t, file, what.ReplaceAll(content, []byte(with)))
}

// goTool runs the go command, without the workspace.
func goTool(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	c := exec.CommandContext(t.Context(), "go", args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOWORK=off")
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}
