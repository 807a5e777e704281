package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/filecleangen/filecleangen/internal/dialect"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// SchemaVersion is the version of the tables that this package works with.
const SchemaVersion = 3

const (
	table        = "filecleangen_outbox"
	versionTable = "filecleangen_outbox_version"
	primary      = "PRIMARY" // the index on the key
	dueIndex     = "filecleangen_outbox_due"
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

// errVersion is wrapped by errors that say which version the tables have.
var errVersion = errors.New("the tables of the outbox have another version than this program knows")

// checkKnown returns an error unless the tables have the version that the program works with.
func checkKnown(version int) error {
	switch {
	case version == SchemaVersion:
		return nil
	case version > SchemaVersion:
		return fmt.Errorf("%w: they have version %d, this program knows %d: a newer one has changed them; build this one with the newer package, too", errVersion, version, SchemaVersion)
	}
	return fmt.Errorf("%w: they have version %d, this program needs %d: call outbox.Migrate, or run outbox.SchemaFrom(…, %[2]d)", errVersion, version, SchemaVersion)
}

// transaction runs do in a transaction of our own, in which the tables are still those
// that the program works with.
func (o *Outbox) transaction(ctx context.Context, do func(runtime.Tx) error) error {
	return o.explain(ctx, o.references.Transaction(ctx, o.checked(ctx, do)))
}

// reading is transaction for what only reads.
func (o *Outbox) reading(ctx context.Context, do func(runtime.Tx) error) error {
	return o.explain(ctx, o.references.Reading(ctx, o.checked(ctx, do)))
}

func (o *Outbox) checked(ctx context.Context, do func(runtime.Tx) error) func(runtime.Tx) error {
	return func(tx runtime.Tx) error {
		version := 0
		err := dialect.QueryRow(ctx, tx, dialect.New(o.dialect, "SELECT version FROM "+versionTable), &version)
		if err == nil {
			err = checkKnown(version)
		}
		if err == nil {
			err = do(tx)
		}
		return err
	}
}

// explain says of an error whether it comes from tables of another version: what a
// statement does not find, another version may have under another name.
func (o *Outbox) explain(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, errVersion) || ctx.Err() != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	version := SchemaVersion
	_ = o.references.Reading(ctx, func(tx runtime.Tx) error {
		if v, err := schemaVersion(ctx, tx, o.dialect); err == nil {
			version = v
		}
		return nil
	})
	if other := checkKnown(version); other != nil {
		return fmt.Errorf("%w: %w", other, err)
	}
	return err
}

// checkSchema makes sure that the tables are of this package's version.
func (o *Outbox) checkSchema(ctx context.Context) error {
	return o.references.Reading(ctx, func(tx runtime.Tx) error {
		version, err := schemaVersion(ctx, tx, o.dialect)
		if err == nil {
			err = checkKnown(version)
		}
		return err
	})
}
