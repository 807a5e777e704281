package gorm_test

import (
	"testing"

	gormmysql "gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/filecleangen/filecleangen/conformance/triggered/internal/calls"
	"github.com/filecleangen/filecleangen/references"
)

// The tables of gorm's documentation of associations, with files.
type (
	Company struct {
		ID   int64
		Logo string
	}
	Profile struct {
		ID     int64
		UserID *int64
		File   string
	}
	Photo struct {
		ID     int64
		UserID *int64
		File   string
	}
	Tag struct {
		ID   int64
		Icon string
	}
	Picture struct {
		ID        int64
		OwnerID   *int64
		OwnerType string
		File      string
	}
	User struct {
		ID        int64
		Avatar    string
		Code      string `gorm:"size:20;uniqueIndex"`
		CompanyID *int64
		Company   *Company
		Profile   *Profile
		Photos    []Photo
		Tags      []Tag     `gorm:"many2many:user_tags"`
		Pictures  []Picture `gorm:"polymorphic:Owner"`
		DeletedAt gorm.DeletedAt
	}
	// Order has rows that go with it by a foreign key.
	Order struct {
		ID    int64
		Items []Item `gorm:"constraint:OnDelete:CASCADE"`
	}
	Item struct {
		ID      int64
		OrderID int64
		File    string
	}
)

func openCalls(w *calls.World) *gorm.DB {
	w.T.Helper()
	db, err := gorm.Open(map[references.Dialect]gorm.Dialector{
		references.SQLite:     sqlite.Dialector{Conn: w.DB},
		references.PostgreSQL: postgres.New(postgres.Config{Conn: w.DB}),
		references.MySQL:      gormmysql.New(gormmysql.Config{Conn: w.DB}),
	}[w.Dialect], &gorm.Config{Logger: logger.Discard})
	w.Must(err)
	w.Must(db.AutoMigrate(&Company{}, &User{}, &Profile{}, &Photo{}, &Tag{}, &Picture{}, &Order{}, &Item{}))
	w.Track("companies.logo", "users.avatar", "profiles.file", "photos.file", "tags.icon", "pictures.file", "items.file")
	return db
}

// What is detached keeps its row, and so its file, until the row goes.
func TestAssociations(t *testing.T) {
	calls.Run(t, func(w *calls.World) {
		db := openCalls(w)
		w.Files("a c h1 h2 h3 h4 h5 i1 i2 p1 p2 p3 t1 t2 t3")
		u := &User{Avatar: "a", Company: &Company{Logo: "c"}, Profile: &Profile{File: "p1"}, Photos: []Photo{{File: "h1"}, {File: "h2"}},
			Tags: []Tag{{Icon: "t1"}, {Icon: "t2"}}, Pictures: []Picture{{File: "i1"}}}
		w.Want("Create", db.Create(u).Error, "a c h1 h2 h3 h4 h5 i1 i2 p1 p2 p3 t1 t2 t3")
		of := func(name string) *gorm.Association { return db.Model(u).Association(name) }

		w.Want("has many: Append", of("Photos").Append(&Photo{File: "h3"}), "a c h1 h2 h3 h4 h5 i1 i2 p1 p2 p3 t1 t2 t3")
		w.Want("has many: Delete", of("Photos").Delete(u.Photos[0]), "a c h1 h2 h3 h4 h5 i1 i2 p1 p2 p3 t1 t2 t3")
		w.Want("has many: Unscoped Delete", of("Photos").Unscoped().Delete(u.Photos[0]), "a c h1 h3 h4 h5 i1 i2 p1 p2 p3 t1 t2 t3")
		w.Want("has many: Replace", of("Photos").Replace(&Photo{File: "h4"}), "a c h1 h3 h4 h5 i1 i2 p1 p2 p3 t1 t2 t3")
		w.Want("has many: Unscoped Replace", of("Photos").Unscoped().Replace(&Photo{File: "h5"}), "a c h1 h3 h5 i1 i2 p1 p2 p3 t1 t2 t3")
		w.Want("has many: Unscoped Clear", of("Photos").Unscoped().Clear(), "a c h1 h3 i1 i2 p1 p2 p3 t1 t2 t3")
		w.Want("Where Delete", db.Where("user_id IS NULL").Delete(&Photo{}).Error, "a c i1 i2 p1 p2 p3 t1 t2 t3")

		w.Want("has one: Replace", of("Profile").Replace(&Profile{File: "p2"}), "a c i1 i2 p1 p2 p3 t1 t2 t3")
		w.Want("has one: Unscoped Replace", of("Profile").Unscoped().Replace(&Profile{File: "p3"}), "a c i1 i2 p1 p3 t1 t2 t3")
		w.Want("has one: Clear", of("Profile").Clear(), "a c i1 i2 p1 p3 t1 t2 t3")
		w.Want("AllowGlobalUpdate", db.Session(&gorm.Session{AllowGlobalUpdate: true}).Delete(&Profile{}).Error, "a c i1 i2 t1 t2 t3")

		w.Want("many2many: Append", of("Tags").Append(&Tag{Icon: "t3"}), "a c i1 i2 t1 t2 t3")
		w.Want("many2many: Delete", of("Tags").Delete(u.Tags[0]), "a c i1 i2 t1 t2 t3")
		w.Want("many2many: Clear", of("Tags").Clear(), "a c i1 i2 t1 t2 t3")
		w.Want("Delete", db.Where("icon IN ?", []string{"t1", "t2"}).Delete(&Tag{}).Error, "a c i1 i2 t3")

		w.Want("polymorphic: Append", of("Pictures").Append(&Picture{File: "i2"}), "a c i1 i2 t3")
		w.Want("polymorphic: Unscoped Delete", of("Pictures").Unscoped().Delete(u.Pictures[0]), "a c i2 t3")
		w.Want("polymorphic: Unscoped Clear", of("Pictures").Unscoped().Clear(), "a c t3")

		w.Want("belongs to: Clear", of("Company").Clear(), "a c t3")
		w.Want("Delete by id", db.Delete(&Company{}, 1).Error, "a t3")
		w.Gone("Append", of("Photos").Append(&Photo{File: "h1"}))
	})
}

func TestSaveAssociations(t *testing.T) {
	calls.Run(t, func(w *calls.World) {
		db := openCalls(w)
		w.Files("a b c d e h1 h2 i p t")
		u := &User{Avatar: "a", Company: &Company{Logo: "c"}, Profile: &Profile{File: "p"}, Photos: []Photo{{File: "h1"}}, Tags: []Tag{{Icon: "t"}}, Pictures: []Picture{{File: "i"}}}
		w.Want("Create", db.Create(u).Error, "a b c d e h1 h2 i p t")
		u.Avatar, u.Photos[0].File, u.Company.Logo = "b", "h2", "d"
		w.Want("Updates", db.Updates(u).Error, "b c d e h1 h2 i p t") // of associations, it saves new ones only
		w.Want("FullSaveAssociations", db.Session(&gorm.Session{FullSaveAssociations: true}).Updates(u).Error, "b d e h2 i p t")
		w.Want("Omit", db.Omit(clause.Associations).Create(&User{Avatar: "e", Code: "1", Profile: &Profile{File: "x"}}).Error, "b d e h2 i p t")

		w.Want("soft delete", db.Select("Photos").Delete(u).Error, "b d e i p t")
		w.Gone("restore, with the photos that it had", db.Unscoped().Model(u).Update("deleted_at", nil).Error)
		w.Want("restore", db.Unscoped().Model(&User{ID: u.ID}).Update("deleted_at", nil).Error, "b d e i p t")
		w.Want("Select Associations Delete", db.Select(clause.Associations).Delete(u).Error, "b d e t")
		w.Want("Unscoped Delete", db.Unscoped().Delete(u).Error, "d e t")

		orders := []Order{{Items: []Item{{File: "d"}, {File: "e"}}}, {Items: []Item{{File: "t"}}}}
		w.Want("CreateInBatches", db.CreateInBatches(orders, 1).Error, "d e t")
		w.Want("Delete Unscoped", db.Unscoped().Where("avatar = ?", "e").Delete(&User{}).Error, "d e t")
		w.Want("Delete", db.Where("1 = 1").Delete(&Company{}).Error, "d e t")
		w.Want("Delete", db.Where("1 = 1").Delete(&Tag{}).Error, "d e t")
		w.Want("constraint OnDelete", db.Delete(&orders[0]).Error, "t")
	})
}

func TestWrites(t *testing.T) {
	calls.Run(t, func(w *calls.World) {
		db := openCalls(w)
		w.Files("a b c d e f g")
		users := []User{{ID: 1, Avatar: "a", Code: "1"}, {ID: 2, Avatar: "b", Code: "2"}, {ID: 3, Avatar: "c", Code: "3"}}
		w.Want("Create of many", db.Create(&users).Error, "a b c d e f g")
		w.Want("OnConflict DoNothing", db.Clauses(clause.OnConflict{DoNothing: true}).Create(&User{ID: 1, Avatar: "x", Code: "1"}).Error, "a b c d e f g")
		w.Want("OnConflict DoUpdates", db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "code"}}, DoUpdates: clause.AssignmentColumns([]string{"avatar"})}).Create(&User{ID: 9, Avatar: "d", Code: "1"}).Error, "b c d e f g")
		w.Want("Save of many", db.Save(&[]User{{ID: 2, Avatar: "e", Code: "2"}, {ID: 3, Avatar: "c", Code: "3"}}).Error, "c d e f g")
		w.Want("UpdateColumn", db.Model(&User{ID: 2}).UpdateColumn("avatar", gorm.Expr("replace(avatar, 'e', 'f')")).Error, "c d f g")
		w.Want("FirstOrCreate Assign", db.Where(User{Code: "3"}).Assign(User{Avatar: "g"}).FirstOrCreate(&User{}).Error, "d f g")
		w.Want("Updates of a map", db.Model(&User{}).Where("code = ?", "1").Updates(map[string]any{"avatar": nil}).Error, "f g")
		tx := db.Begin()
		tx.SavePoint("one")
		tx.Unscoped().Delete(&User{ID: 2})
		tx.RollbackTo("one")
		tx.Unscoped().Delete(&User{ID: 3})
		w.Want("RollbackTo", tx.Commit().Error, "f")
		w.Want("Raw", db.Exec("DELETE FROM users WHERE avatar = @file", map[string]any{"file": "f"}).Error, "")
		w.Gone("Save", db.Save(&User{ID: 1, Avatar: "a", Code: "1"}).Error)
		if w.Dialect != references.MySQL {
			w.Must(db.Clauses(clause.Returning{}).Where("id > 0").Unscoped().Delete(&users).Error)
		}
	})
}
