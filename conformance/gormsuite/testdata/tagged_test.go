package tests_test

import (
	"github.com/filecleangen/filecleangen/runtime"

	. "gorm.io/gorm/utils/tests"
)

// tagged are the models with file fields, by their types.
var tagged = map[*runtime.Type]any{
	UserFileType:          &User{},
	AccountFileType:       &Account{},
	PetFileType:           &Pet{},
	ToyFileType:           &Toy{},
	ToolsFileType:         &Tools{},
	CompanyFileType:       &Company{},
	LanguageFileType:      &Language{},
	CouponProductFileType: &CouponProduct{},
	OrderFileType:         &Order{},
	ChildFileType:         &Child{},
}
