package gormclean_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/filecleangen/filecleangen/adapters/gormclean"
	"github.com/filecleangen/filecleangen/conformance/gormclean/models"
	"github.com/filecleangen/filecleangen/conformance/internal/databases"
	"github.com/filecleangen/filecleangen/references"
	"github.com/filecleangen/filecleangen/runtime"
)

// told keeps the reports that the plugin passes on, as a plugin by which a world knows.
type told struct{ reports []string }

// Name is called by gorm.
func (*told) Name() string { return "told" }

// Initialize is called by gorm.
func (*told) Initialize(*gorm.DB) error { return nil }

type askedBy struct{}

func (r *told) tell(ctx context.Context, report *runtime.Report) {
	words := []string{fmt.Sprintf("%v: %s:", ctx.Value(askedBy{}), report.Outcome)}
	for _, f := range report.Files {
		words = append(words, f.Ref.Name, string(f.Status))
	}
	r.reports = append(r.reports, strings.Join(words, " "))
}

// Reports that have files are passed on: in memory that of each transaction that was, or
// may have been, committed, with an outbox that of each statement.
func TestReportsArePassedOn(t *testing.T) {
	databases.Each(t, func(t *testing.T, d references.Dialect) {
		for m, want := range map[mode][]string{
			inMemory: {
				"me: committed: cover1 removed",
				"me: committed: cover2 removed cover3 removed",
				"me: outcome unknown: cover4 kept",
			},
			withOutbox: {
				"me: flushed: cover1 pending",
				"me: flushed: cover2 pending",
				"me: flushed: cover3 pending",
				"me: flushed: cover4 pending",
			},
		} {
			t.Run(string(m), func(t *testing.T) {
				told := &told{}
				w := openWorld(t, d, m, gorm.Config{}, told)
				w.fill() // lets go of nothing
				db := w.db.WithContext(context.WithValue(t.Context(), askedBy{}, "me"))
				clearCover := func(db *gorm.DB, id int64) error {
					return db.Model(&models.Album{ID: id}).Update("Cover", "").Error
				}
				w.must(db.Model(&models.Album{ID: 1}).Update("Title", "x").Error)
				w.must(clearCover(db, 1))
				w.must(gormclean.Transaction(db, func(tx *gorm.DB) error {
					return errors.Join(clearCover(tx, 2), clearCover(tx, 3))
				}))
				err := gormclean.Transaction(db, func(tx *gorm.DB) error {
					w.must(clearCover(tx, 4))
					return tx.Rollback().Error // so that nobody knows what the commit does that follows
				})
				if !errors.Is(err, sql.ErrTxDone) {
					t.Errorf("the commit that must fail: %v", err)
				}
				if got := strings.Join(told.reports, "\n"); got != strings.Join(want, "\n") {
					t.Errorf("told:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
				}
				w.check()
			})
		}
	})
}
