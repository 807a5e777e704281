//go:build race

package model

// withRace makes the search look at the small scenarios only: it has one goroutine, and
// takes six times as long with the race detector.
const withRace = true
