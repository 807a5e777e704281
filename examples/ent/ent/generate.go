// Package ent is written by ent from its schema, and by filecleangen.
package ent

//go:generate go tool ent generate --feature sql/execquery ./schema
//go:generate go tool filecleangen
