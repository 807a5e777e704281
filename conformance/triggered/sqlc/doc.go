// Package sqlc has the statements that the conformance suite needs as users of sqlc write
// them. The package store is what sqlc v1.31.1 makes of them by `sqlc generate`.
package sqlc
