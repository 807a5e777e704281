// Package ent has the tables of the conformance suite as ent knows them. The package ent
// below it is what ent v0.14.5 makes of its schema:
//
//	ent generate --feature sql/upsert,sql/lock,sql/execquery ./ent/schema
//
// run with the module of examples/ent, which has the command; its package enttest was left
// out.
package ent
