package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/references"
)

// SchemaVersion is the version of the tables that this package works with.
const SchemaVersion = 3

const (
	table        = "filecleangen_outbox"
	versionTable = "filecleangen_outbox_version"
)

// SchemaFrom returns the statements that bring the tables of the outbox from a
// version to [SchemaVersion], for a migration tool: from version 0 they create
// them. [Migrate] runs them.
func SchemaFrom(d references.Dialect, version int) ([]string, error) {
	known, err := dialectOf(d)
	if err != nil {
		return nil, fmt.Errorf("filecleangen: outbox: %w", err)
	}
	if version < 0 || version > SchemaVersion {
		return nil, fmt.Errorf("filecleangen: the outbox has no schema version %d; this program knows 0 to %d", version, SchemaVersion)
	}
	return slices.Concat(known.Schema()[version:]...), nil
}

// Migrate creates the tables of the outbox, or brings them to [SchemaVersion].
// It does nothing if they are. Several processes may call it at once, and one that was
// killed in it is made good by the next. Programs of an earlier version that are
// running get errors from then on.
func Migrate(ctx context.Context, db *sql.DB, d references.Dialect) error {
	if err := migrate(ctx, db, d); err != nil {
		return fmt.Errorf("filecleangen: the tables of the outbox: %w", err)
	}
	return nil
}

func migrate(ctx context.Context, db *sql.DB, d references.Dialect) error {
	known, err := dialectOf(d)
	if err != nil {
		return err
	}
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return known.Exclusively(ctx, c, table, func() error {
		version, err := schemaVersion(ctx, c, known)
		if err != nil {
			return err
		}
		statements, err := SchemaFrom(d, version)
		if err != nil {
			return err
		}
		for _, s := range statements {
			if _, err := c.ExecContext(ctx, s); err != nil && !known.Repeated(err) {
				return err
			}
		}
		return nil
	})
}

// schemaVersion returns the version of the tables, 0 if there are none.
func schemaVersion(ctx context.Context, db dialect.Handle, d dialect.Dialect) (version int, err error) {
	if there, err := d.HasTable(ctx, db, versionTable); err != nil || !there {
		return 0, err
	}
	err = dialect.QueryRow(ctx, db, dialect.New(d, "SELECT version FROM "+versionTable), &version)
	if errors.Is(err, sql.ErrNoRows) { // whoever made it was killed before it said so
		return 0, nil
	}
	return version, err
}

// dialectOf returns how to speak to a kind of database.
func dialectOf(d references.Dialect) (dialect.Dialect, error) { return dialect.Of(dialect.Kind(d)) }

// checkKnown returns an error unless the tables have the version that the program works with.
func checkKnown(version int) error {
	switch {
	case version == SchemaVersion:
		return nil
	case version > SchemaVersion:
		return fmt.Errorf("%w: they have version %d, this program knows %d: a newer program has changed them; run its version of this one", dialect.ErrVersion, version, SchemaVersion)
	}
	return fmt.Errorf("%w: they have version %d, this program needs %d: call outbox.Migrate, or run outbox.SchemaFrom(…, %[2]d)", dialect.ErrVersion, version, SchemaVersion)
}

// explain says of an error whether it comes from tables of another version: what a
// statement does not find, another version may have under another name.
func (o *Outbox) explain(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, dialect.ErrVersion) || ctx.Err() != nil {
		return err
	}
	version := SchemaVersion
	_ = o.references.Reading(ctx, func(tx references.Handle) (err error) {
		if v, err := schemaVersion(ctx, tx, o.dialect); err == nil {
			version = v
		}
		return nil
	})
	return errors.Join(checkKnown(version), err)
}

// checkSchema makes sure that the tables are of this package's version.
func (o *Outbox) checkSchema(ctx context.Context) error {
	return o.references.Reading(ctx, func(tx references.Handle) error {
		version, err := schemaVersion(ctx, tx, o.dialect)
		if err == nil {
			err = checkKnown(version)
		}
		return err
	})
}
