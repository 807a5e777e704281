// Package gaussdb stands in for gorm's driver of that name, which no test here uses.
package gaussdb

import "gorm.io/gorm"

// Config is what gorm's tests say of a connection.
type Config struct {
	DSN                  string
	PreferSimpleProtocol bool
}

// New returns nothing.
func New(Config) gorm.Dialector { return nil }

// Open returns nothing.
func Open(string) gorm.Dialector { return nil }
