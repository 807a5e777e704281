// Package suite is what every adapter must pass: stories of what applications do,
// named by their cases in django-cleanup's tests and beyond, each on SQLite,
// PostgreSQL and MariaDB, with real commits, in a new database and a new directory.
// After each the rows are what the story says, no file is gone that a row names, and
// none is left that no row names.
//
// # Add an adapter
//
// A test package conformance/NAMEclean with one file. It says how the layer is
// opened, and how its users write:
//
//	func TestSuiteInMemory(t *testing.T) {
//		suite.Run(t, suite.Adapter{Open: func(w *suite.World) suite.Layer {
//			return open(w, w.NewCleaner())
//		}})
//	}
//
//	func TestSuiteUnchecked(t *testing.T) {
//		suite.Run(t, suite.Adapter{Open: func(w *suite.World) suite.Layer {
//			return open(w, w.NewUncheckedCleaner())
//		}})
//	}
//
//	func TestSuiteWithOutbox(t *testing.T) {
//		suite.Run(t, suite.Adapter{Open: func(w *suite.World) suite.Layer {
//			return open(w, w.NewOutbox(w.NewCleaner()))
//		}})
//	}
//
//	func open(w *suite.World, keeper runtime.Keeper) suite.Layer { … nameclean.New(keeper) … }
//
//	// layer is a Layer.
//	type layer struct {
//		keeper runtime.Keeper
//		…
//	}
//
//	func (l *layer) InTx(ctx context.Context, uploads []string, f func(tx suite.Tx, names []string) error) error {
//		names, discard, err := suite.Upload(ctx, l.keeper, uploads)
//		defer discard()
//		if err != nil {
//			return err
//		}
//		return l.db.RunInTx(ctx, func(tx name.Tx) error { return f(&transaction{tx}, names) })
//	}
//
// The cleaner of a world has references to its rows, and an outbox gets the same: in
// memory, too, no file may go that a row names, whatever the layer says. What it says is
// tried by a cleaner that is unchecked.
//
// With triggers nothing of ours is in the layer, which is what applications have without
// an adapter: conformance/triggered has a folder for each. Only the outbox is made
// otherwise:
//
//	suite.Run(t, suite.Adapter{Open: func(w *suite.World) suite.Layer {
//		return open(w, w.NewTriggers(w.NewCleaner()))
//	}})
//
// A layer that writes rows itself has a type transaction with the methods of [Tx],
// most of them one call: conformance/gormclean has one. Where users write the SQL,
// [SQL] has these methods, and needs three functions: conformance/sqlclean and
// conformance/pgxclean; and so does [Plain], with triggers.
//
// Give the records of package models the tags of the layer. If it can't use them,
// because it generates its own, convert in the methods, and give
// [World.NewCleanerFor] its types and where they are stored.
//
// What the layer can't do goes into [Adapter.Cannot], with the reason; the databases
// that it is for, into [Adapter.Dialects].
//
// # Add a story
//
// A story is an entry in one of the lists: replace.go has rows that come to name
// other files, and so on. It makes rows with given, and what they name with it; does
// something in commit or rollback, with the uploads that it needs; and says by want
// what the rows are. What is not said is checked: see the method check.
package suite
