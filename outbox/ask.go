package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/filecleangen/filecleangen/internal/dialect"
)

// named returns those of the names in a storage that some row names, asking for
// many at a time.
func (r *Relay) named(ctx context.Context, db dialect.Handle, storage string, names []string) (map[string]struct{}, error) {
	named := map[string]struct{}{}
	for part := range slices.Chunk(names, portion) {
		if err := r.namedInColumns(ctx, db, storage, part, named); err != nil {
			return nil, fmt.Errorf("looking for rows that name files: %w", err)
		}
		for _, ask := range r.outbox.references {
			found, err := ask(ctx, db, storage, part)
			if err != nil {
				return nil, fmt.Errorf("the function of outbox.WithReferences: %w", err)
			}
			for _, name := range found {
				named[name] = struct{}{}
			}
		}
	}
	return named, nil
}

// namedInColumns adds those names that a column holds. All columns are asked by one
// statement, which sees one state of the database: or a name that moves from one
// to another meanwhile would be seen in neither.
func (r *Relay) namedInColumns(ctx context.Context, db dialect.Handle, storage string, names []string, named map[string]struct{}) error {
	sources := r.sources[storage]
	if len(sources) == 0 {
		return nil
	}
	if err := r.checkTables(ctx, db, sources); err != nil {
		return err
	}
	const most = 30_000 // arguments of a statement; a JSON column may take six times the values
	values, nameOf := r.outbox.valuesOf(storage, names)
	for part := range slices.Chunk(values, max(1, min(portion, most/6/len(sources)))) {
		w := wanted{values: part, nameOf: nameOf, named: named}
		if err := r.ask(ctx, db, sources, w); err != nil {
			return err
		}
	}
	return nil
}

// checkTables makes sure that the session sees the tables, and nothing in front of
// them.
func (r *Relay) checkTables(ctx context.Context, db dialect.Queryer, sources []dialect.Source) error {
	checked := map[string]bool{}
	for _, src := range sources {
		if checked[src.Table] {
			continue
		}
		checked[src.Table] = true
		shadowed, err := r.outbox.dialect.Shadowed(ctx, db, src.Table)
		if err != nil {
			return err
		}
		if shadowed {
			return fmt.Errorf("a temporary table hides %s on this connection: give the outbox a handle that nothing else uses", src.Table)
		}
	}
	return nil
}

// ask asks all columns for values. What a document is more than the database can do
// with, all documents of that column are read from then on, and searched here.
func (r *Relay) ask(ctx context.Context, db dialect.Handle, sources []dialect.Source, w wanted) error {
	for {
		err := guarded(ctx, db, func() error { return w.find(ctx, db, r.outbox.dialect, r.readable(sources)) })
		if err == nil || ctx.Err() != nil {
			return err
		}
		bad := 0
		for _, src := range r.readable(sources) {
			if src.Form != dialect.JSON || src.Raw {
				continue
			}
			if failed := guarded(ctx, db, func() error { return w.find(ctx, db, r.outbox.dialect, []dialect.Source{src}) }); failed != nil {
				bad++
				r.readRaw(ctx, src, failed)
			}
		}
		if bad == 0 {
			return err
		}
	}
}

// readable returns the sources as they are to be read.
func (r *Relay) readable(sources []dialect.Source) []dialect.Source {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := slices.Clone(sources)
	for i, src := range list {
		list[i].Raw = src.Raw || r.raw[src.Table+"."+src.Column]
	}
	return list
}

func (r *Relay) readRaw(ctx context.Context, src dialect.Source, cause error) {
	r.mu.Lock()
	r.raw[src.Table+"."+src.Column] = true
	r.mu.Unlock()
	r.logger.LogAttrs(ctx, slog.LevelWarn, "filecleangen: the database can't take apart all documents of a column; they are read as a whole, and searched as text",
		slog.String("table", src.Table), slog.String("column", src.Column), slog.Any("error", cause))
}

// guarded runs do such that its error leaves the transaction as it was.
func guarded(ctx context.Context, db dialect.Execer, do func() error) error {
	if _, err := db.ExecContext(ctx, "SAVEPOINT filecleangen_ask"); err != nil {
		return err
	}
	err := do()
	if err != nil {
		if _, back := db.ExecContext(context.WithoutCancel(ctx), "ROLLBACK TO SAVEPOINT filecleangen_ask"); back != nil {
			return errors.Join(err, back)
		}
	}
	return err
}

// wanted is what columns are asked for.
type wanted struct {
	values []string
	nameOf map[string]string // by value
	named  map[string]struct{}
}

func (w wanted) find(ctx context.Context, db dialect.Queryer, d dialect.Dialect, sources []dialect.Source) error {
	q := dialect.New(d, "")
	for i, src := range sources {
		if i > 0 {
			q.Raw(" UNION ALL ")
		}
		d.Find(q, src, w.values, "")
	}
	return dialect.QueryAll(ctx, db, q, func(rows *sql.Rows) error {
		var match dialect.Match
		var value []byte
		if err := rows.Scan(&match, &value); err != nil {
			return err
		}
		w.found(match, value)
		return nil
	})
}

// found takes a value that a column has.
func (w wanted) found(match dialect.Match, value []byte) {
	is := func(v string) {
		if name, ok := w.nameOf[v]; ok { // databases may compare less strictly
			w.named[name] = struct{}{}
		}
	}
	switch match {
	case dialect.Exactly:
		is(string(value))
	case dialect.Padded:
		const padding = " \x00"
		bare := strings.TrimRight(string(value), padding)
		for _, v := range w.values {
			if strings.TrimRight(v, padding) == bare {
				is(v)
			}
		}
	case dialect.Document:
		dialect.InDocument(value, w.values, is)
	}
}

// valuesOf returns what columns may hold for the named files, and the name that
// each value means.
func (o *Outbox) valuesOf(storage string, names []string) (values []string, nameOf map[string]string) {
	nameOf = make(map[string]string, len(names))
	for _, name := range names {
		nameOf[name] = name
	}
	valueOf := o.values[storage]
	if valueOf == nil {
		return names, nameOf
	}
	values = slices.Clone(names)
	for _, name := range names {
		for _, v := range valueOf(name) {
			nameOf[v] = name
			values = append(values, v)
		}
	}
	return values, nameOf
}
