//go:build !race

package model

const withRace = false
