package references_test

import (
	"context"
	"strings"
	"testing"

	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// TestOtherPrograms: what another program told of its columns is asked, too, from the
// moment that it has told; whatever program is first, and whether it keeps its
// promises in memory.
func TestOtherPrograms(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.migrate()
		w.exec("CREATE TABLE one (id integer PRIMARY KEY, file varchar(300), added varchar(300))")
		w.exec("INSERT INTO one (id, file, added) VALUES (1, 'a', 'b'), (2, 'x', ?)", "/cdn/c?1")
		old := w.references(references.Table(one, "one"), references.Program("shop"))
		w.wantNamed(old, "a", "a", "b", "c")

		// The next version of the program has one field more.
		next := &runtime.Type{Name: one.Name, Package: one.Package, Fields: append(one.Fields[:1:1], runtime.Field{Path: "Added", Storage: "media", Column: "added"})}
		added := w.references(references.Table(next, "one"), references.Program("shop"))
		w.wantNamed(added, "a b", "a", "b", "c")
		w.wantNamed(old, "a b", "a", "b", "c")

		// Another program takes the values of one column for something else.
		urls := w.references(references.Table(one, "one", references.Columns{"File": {Name: "added"}}), references.Program("site"), references.Values("media", references.Prefix("/cdn/")))
		w.wantNamed(urls, "a b c", "a", "b", "c")
		w.wantNamed(old, "a b c", "a", "b", "c")

		// It is gone for good.
		n, err := old.Withdraw(t.Context(), "site")
		w.must(err)
		w.wantNamed(old, "a b", "a", "b", "c")
		all, err := old.Registered(t.Context())
		w.must(err)
		if n != 1 || len(all) != 2 || all[0].Program != "shop" || all[0].Column != "added" || all[1].Column != "file" || all[0].Form != "text" || all[0].Seen.IsZero() {
			t.Errorf("%d taken back, left: %+v", n, all)
		}

		// The column is gone; the program before it had that field does not fail for that.
		w.exec("ALTER TABLE one DROP COLUMN added")
		w.wantNamed(old, "a", "a", "b", "c")
		if !strings.Contains(w.logs.String(), "is gone, and does not count any more") {
			t.Errorf("log: %s", w.logs)
		}
		w.wantError(added, "added") // it would miss what the column is called now
	})
}

// TestOnlyOtherCanAsk: where another program has a function, nobody else can tell.
func TestOnlyOtherCanAsk(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.migrate()
		w.exec("CREATE TABLE one (id integer PRIMARY KEY, file varchar(300))")
		w.exec("INSERT INTO one (id, file) VALUES (1, 'a')")
		refs := w.references(references.Table(one, "one"), references.Program("shop"))
		nobody := func(context.Context, references.Queryer, string, []string) ([]string, error) {
			return []string{"f"}, nil
		}
		for _, option := range []references.Option{
			references.Func("media", nobody),
			references.Values("media", references.Mapping{Name: strings.ToLower, Values: func(name string) []string { return []string{name, strings.ToUpper(name)} }}),
		} {
			other := w.references(references.Table(one, "one"), references.Program("other"), option)
			w.must(other.Prove(t.Context()))
			w.wantError(refs, `only it can ask: have this program know of it, or take it back with References.Withdraw(ctx, "other")`)
			elsewhere, err := refs.Ask(t.Context(), []runtime.Ref{{Storage: "docs", Name: "a"}, {Storage: "media", Name: "a"}})
			if err != nil || len(elsewhere.Unknown) != 1 || elsewhere.Unknown[runtime.Ref{Storage: "media", Name: "a"}] == nil {
				t.Errorf("%+v, %v", elsewhere, err) // other storages are none of its business
			}
			same := w.references(references.Table(one, "one"), references.Program("other"), option) // another process of it
			if named := w.asked(same, "a"); len(named) == 0 {
				t.Errorf("%v", named)
			}
			_, err = refs.Withdraw(t.Context(), "other")
			w.must(err)
			w.wantNamed(refs, "a", "a", "b")
		}
	})
}

// TestRegisterLater: references that were made before there was an outbox, or another
// program, know of both.
func TestRegisterLater(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		w := newWorld(t, d)
		w.exec("CREATE TABLE one (id integer PRIMARY KEY, file varchar(300))")
		w.exec("CREATE TABLE two (id integer PRIMARY KEY, file varchar(300))")
		w.exec("INSERT INTO two (id, file) VALUES (1, 'a')")
		refs := w.references(references.Table(one, "one"), references.Program("shop"))
		w.wantNamed(refs, "", "a")
		if err := refs.Register(t.Context()); err == nil || !strings.Contains(err.Error(), "call outbox.Migrate") {
			t.Errorf("%v", err)
		}
		w.migrate()
		w.references(references.Table(one, "two"), references.Program("other"))
		w.wantNamed(refs, "a", "a")
		w.must(refs.Register(t.Context()))
		w.wantNamed(refs, "a", "a")

		// Another database is in the place of this one.
		w.exec("UPDATE filecleangen_outbox_id SET id = 'other'")
		w.wantError(refs, "this is another database than it was")
	})
}
